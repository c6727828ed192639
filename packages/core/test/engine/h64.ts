const P1 = 2654435761n
const P2 = 2246822519n
const P3 = 3266489917n
const P4 = 668265263n
const P5 = 374761393n
const MASK = 0xffffffffn

const rotl = (x: bigint, r: bigint) => ((x << r) | (x >> (32n - r))) & MASK

/** xxHash32 as its specification says it, slowly. */
function xxHash32(input: Uint8Array, seed: bigint): bigint {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const word = (at: number) => BigInt(view.getUint32(at, true))
  let at = 0
  let hash: bigint
  if (input.length >= 16) {
    const lanes = [seed + P1 + P2, seed + P2, seed, seed - P1].map((lane) => lane & MASK)
    for (; at + 16 <= input.length; at += 16) {
      for (let lane = 0; lane < 4; lane++) {
        lanes[lane] = (rotl((lanes[lane]! + word(at + lane * 4) * P2) & MASK, 13n) * P1) & MASK
      }
    }
    hash = rotl(lanes[0]!, 1n) + rotl(lanes[1]!, 7n) + rotl(lanes[2]!, 12n) + rotl(lanes[3]!, 18n)
  } else {
    hash = seed + P5
  }
  hash = (hash + BigInt(input.length)) & MASK
  for (; at + 4 <= input.length; at += 4) {
    hash = (rotl((hash + word(at) * P3) & MASK, 17n) * P4) & MASK
  }
  for (; at < input.length; at++) {
    hash = (rotl((hash + BigInt(input[at]!) * P5) & MASK, 11n) * P1) & MASK
  }
  hash ^= hash >> 15n
  hash = (hash * P2) & MASK
  hash ^= hash >> 13n
  hash = (hash * P3) & MASK
  return hash ^ (hash >> 16n)
}

/** The digest of a state by its definition, for comparison: 16 hex digits. */
export function digestOf(
  entries: Iterable<readonly [string, { readonly revision: number }]>,
): string {
  let sum = 0n
  for (const [key, { revision }] of entries) {
    const keyBytes = new TextEncoder().encode(key)
    const message = new Uint8Array(keyBytes.length + 8)
    message.set(keyBytes)
    new DataView(message.buffer).setBigUint64(keyBytes.length, BigInt(revision), true)
    const lo = xxHash32(message, 0x48656164n)
    const hi = xxHash32(message, 0x77617465n)
    sum = (sum + (hi << 32n) + lo) & 0xffffffffffffffffn
  }
  return sum.toString(16).padStart(16, "0")
}
