import { isLoopback } from "./host.ts"

/** Facts of a connection, from the server under the app; they reach routes as Hono's `env`. */
export interface PeerBindings {
  /** The address of the other end, in text. Absent where the server does not tell. */
  readonly peerAddress?: string | undefined
}

/**
 * The peer that bounds by address count: an IPv4 address, or the first 64 bits of an IPv6 address,
 * which one machine can choose freely below that.
 *
 * `undefined` for loopback, where a proxy on this machine stands for all its clients, and where the
 * address is not known, as in an app that another server mounts.
 */
export function peerOf(env: PeerBindings | undefined): string | undefined {
  const address = addressOf(env)
  if (address === undefined || isLoopback(address)) return undefined
  return address.includes(":") ? networkOf(address) : address
}

/** Returns true if the other end is known to be on this machine. */
export function isLoopbackPeer(env: PeerBindings | undefined): boolean {
  const address = addressOf(env)
  return address !== undefined && isLoopback(address)
}

// An IPv4 address that came by IPv6 is written as an IPv4 address.
function addressOf(env: PeerBindings | undefined): string | undefined {
  const address = env?.peerAddress?.toLowerCase().replace(/%.*$/, "")
  if (address === undefined || address === "") return undefined
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address
}

function networkOf(address: string): string {
  const [before = "", after] = address.split("::", 2)
  const head = before === "" ? [] : before.split(":")
  const tail = after === undefined || after === "" ? [] : after.split(":")
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => "0")
  const groups = after === undefined ? head : [...head, ...zeros, ...tail]
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""))
  return `${network.join(":")}::/64`
}
