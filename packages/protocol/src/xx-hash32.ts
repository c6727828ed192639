const PRIME_1 = 0x9e3779b1
const PRIME_2 = 0x85ebca77
const PRIME_3 = 0xc2b2ae3d
const PRIME_4 = 0x27d4eb2f
const PRIME_5 = 0x165667b1

/**
 * xxHash32 of the first `length` bytes, as an unsigned 32-bit integer.
 *
 * In plain 32-bit arithmetic, so that a browser needs neither WebAssembly nor BigInt for it.
 * Source: Yann Collet, the xxHash specification, version 0.2.
 */
export function xxHash32(bytes: DataView, seed: number, length = bytes.byteLength): number {
  const word = (at: number) => bytes.getInt32(at, true)
  let at = 0
  let hash = seed + PRIME_5
  if (length >= 16) {
    let a = seed + PRIME_1 + PRIME_2
    let b = seed + PRIME_2
    let c = seed
    let d = seed - PRIME_1
    for (; at + 16 <= length; at += 16) {
      a = round(a, word(at))
      b = round(b, word(at + 4))
      c = round(c, word(at + 8))
      d = round(d, word(at + 12))
    }
    hash = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)
  }
  hash += length
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(rotate(hash + Math.imul(word(at), PRIME_3), 17), PRIME_4)
  }
  for (; at < length; at++) {
    hash = Math.imul(rotate(hash + Math.imul(bytes.getUint8(at), PRIME_5), 11), PRIME_1)
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME_2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME_3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function round(lane: number, word: number): number {
  return Math.imul(rotate(lane + Math.imul(word, PRIME_2), 13), PRIME_1)
}

// Sums of a few 32-bit numbers are exact in a double; the shifts take them mod 2³².
function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits))
}
