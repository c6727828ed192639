/** The bits before an IPv4 address when it is written as an IPv6 address. */
const MAPPED = 0xffffn << 32n

/** A range of addresses, as a CIDR writes it. */
export interface IpRange {
  readonly first: bigint
  readonly last: bigint
}

/** Reads a CIDR, such as `10.0.0.0/8` or `fd00::/8`, or one address. `undefined`: it is none. */
export function parseRange(text: string): IpRange | undefined {
  const [, address = "", prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const value = parseAddress(address)
  const bits = address.includes(":") ? 128 : 32
  const kept = Number(prefix ?? bits)
  if (value === undefined || kept > bits) return undefined
  const free = (1n << BigInt(bits - kept)) - 1n
  // A range that begins in its middle is a slip of its writer.
  return (value & free) === 0n ? { first: value, last: value | free } : undefined
}

/** Returns true if an address is in one of the ranges. */
export function isInside(ranges: readonly IpRange[], address: string): boolean {
  const value = parseAddress(address)
  if (value === undefined) return false
  return ranges.some(({ first, last }) => first <= value && value <= last)
}

/** An address as a number of 128 bits; IPv4 as mapped into IPv6. `undefined`: it is none. */
export function parseAddress(text: string): bigint | undefined {
  const bare = text.replace(/%[^%]*$/, "")
  const groups = /^[\d.]+$/.test(bare) ? undefined : groupsOf(bare)
  if (groups !== undefined) return groups.reduce((value, group) => (value << 16n) | group, 0n)
  const ipv4 = ipv4Of(bare)
  return ipv4 === undefined ? undefined : MAPPED | ipv4
}

function ipv4Of(text: string): bigint | undefined {
  const parts = text.split(".")
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part)))
    return undefined
  const bytes = parts.map(BigInt)
  if (bytes.some((byte) => byte > 255n)) return undefined
  return bytes.reduce((value, byte) => (value << 8n) | byte, 0n)
}

function groupsOf(text: string): bigint[] | undefined {
  const halves = text.split("::")
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === "" ? [] : half.split(":").flatMap(partsOf)))
  const given = [...head!, ...(tail ?? [])]
  if (given.includes(undefined)) return undefined
  const zeros = 8 - given.length
  if (tail === undefined ? zeros !== 0 : zeros < 1) return undefined
  return [...head!, ...Array.from({ length: zeros }, () => 0n), ...(tail ?? [])] as bigint[]
}

// The last 32 bits of an IPv6 address may be written as an IPv4 address.
function partsOf(group: string): (bigint | undefined)[] {
  if (/^[0-9a-f]{1,4}$/i.test(group)) return [BigInt(`0x${group}`)]
  const ipv4 = ipv4Of(group)
  return ipv4 === undefined ? [undefined] : [ipv4 >> 16n, ipv4 & 0xffffn]
}
