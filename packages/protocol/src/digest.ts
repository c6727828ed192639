import type { Revision } from "@headwater/core"
import { xxHash32 } from "./xx-hash32.ts"

/** Seed of the low half of `h64`: "Head". */
export const DIGEST_SEED_LO = 0x48656164

/** Seed of the high half of `h64`: "wate". */
export const DIGEST_SEED_HI = 0x77617465

const TWO_TO_32 = 0x1_0000_0000

/**
 * The sum of `h64(key, revision)` over a set of entries, mod 2⁶⁴: equal sums mean equal sets, up to
 * an accident of 2⁻⁶⁴.
 *
 * A sum does not depend on the order and is kept up to date in O(1) per change. It proves which
 * entries are held, at which revision; within an epoch these determine the values. It is no defence
 * against somebody who chooses keys in order to collide. Source: PROTOCOL.md §7.
 */
export class Digest {
  #hi = 0
  #lo = 0

  /** Adds an entry. Cost: hashing the key twice. */
  add(key: string | Uint8Array, revision: Revision): void {
    const { hi, lo } = h64(key, revision)
    const sum = this.#lo + lo
    this.#lo = sum >>> 0
    this.#hi = (this.#hi + hi + (sum >= TWO_TO_32 ? 1 : 0)) >>> 0
  }

  /** Takes an entry out again: the inverse of `add` with the same arguments. */
  remove(key: string | Uint8Array, revision: Revision): void {
    const { hi, lo } = h64(key, revision)
    const difference = this.#lo - lo
    this.#lo = difference >>> 0
    this.#hi = (this.#hi - hi - (difference < 0 ? 1 : 0)) >>> 0
  }

  /** 16 lower-case hex digits, the high half first, as on the wire. */
  toString(): string {
    return hex8(this.#hi) + hex8(this.#lo)
  }
}

/**
 * The hash of one entry, as two unsigned halves: xxHash32 with two seeds of
 * UTF-8 key ‖ revision as 8 bytes, little-endian.
 */
export function h64(key: string | Uint8Array, revision: Revision): { hi: number; lo: number } {
  const length = putKey(key)
  const low = revision >>> 0
  const high = Math.floor(revision / TWO_TO_32)
  for (let byte = 0; byte < 4; byte++) {
    scratch[length + byte] = low >>> (8 * byte)
    scratch[length + 4 + byte] = high >>> (8 * byte)
  }
  return {
    hi: xxHash32(scratch, DIGEST_SEED_HI, length + 8),
    lo: xxHash32(scratch, DIGEST_SEED_LO, length + 8),
  }
}

/** Writes an unsigned 32-bit integer as 8 lower-case hex digits. */
export function hex8(value: number): string {
  return value.toString(16).padStart(8, "0")
}

const utf8 = /* @__PURE__ */ new TextEncoder()

// Standing room for the longest key, 4,096 bytes, and a revision; longer keys get more.
let scratch = /* @__PURE__ */ new Uint8Array(4_104)

function putKey(key: string | Uint8Array): number {
  // A code unit of UTF-16 takes at most three bytes of UTF-8.
  const bytesMax = typeof key === "string" ? key.length * 3 : key.length
  if (bytesMax + 8 > scratch.length) scratch = new Uint8Array(bytesMax + 8)
  if (typeof key === "string") return utf8.encodeInto(key, scratch).written
  scratch.set(key)
  return key.length
}
