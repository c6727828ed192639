import { KEY_BYTES_MAX, type Revision } from "@headwater/core"
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
 * A sum does not depend on the order and is updated in O(1) per change. It proves which entries are
 * held, at which revision; within an epoch these determine the values. It does not protect against
 * an attacker who chooses keys that collide. Source: PROTOCOL.md §7.
 */
export class Digest {
  #hi = 0
  #lo = 0

  /**
   * Adds an entry; with a sign of −1, removes it. Cost: hashing the key twice.
   *
   * The carry of the low half is 1, 0 or −1; `>>> 0` takes both halves mod 2³².
   */
  add(key: string, revision: Revision, sign: 1 | -1 = 1): void {
    const { hi, lo } = h64(key, revision)
    const sum = this.#lo + sign * lo
    this.#lo = sum >>> 0
    this.#hi = (this.#hi + sign * hi + Math.floor(sum / TWO_TO_32)) >>> 0
  }

  /** Removes an entry: the inverse of `add` with the same arguments. */
  remove(key: string, revision: Revision): void {
    this.add(key, revision, -1)
  }

  /** 16 lower-case hex digits, the high half first, as on the wire. */
  toString(): string {
    return hex8(this.#hi) + hex8(this.#lo)
  }
}

/**
 * The hash of one entry, as two unsigned halves: xxHash32 with two seeds of
 * UTF-8 key ‖ revision as 8 bytes, little-endian.
 *
 * @param key at most 4,096 bytes of UTF-8. A longer one is no key, and has no meaningful hash.
 */
export function h64(key: string, revision: Revision): { hi: number; lo: number } {
  const length = utf8.encodeInto(key, room).written
  // `setUint32` takes its argument mod 2³² and drops the fraction.
  scratch.setUint32(length, revision, true)
  scratch.setUint32(length + 4, revision / TWO_TO_32, true)
  const hi = xxHash32(scratch, DIGEST_SEED_HI, length + 8)
  return { hi, lo: xxHash32(scratch, DIGEST_SEED_LO, length + 8) }
}

/** Writes an unsigned 32-bit integer as 8 lower-case hex digits. */
export function hex8(value: number): string {
  return value.toString(16).padStart(8, "0")
}

const utf8 = /* @__PURE__ */ new TextEncoder()

// Reused buffer for the longest key and a revision.
const scratch = /* @__PURE__ */ new DataView(new ArrayBuffer(KEY_BYTES_MAX + 8))
const room = /* @__PURE__ */ new Uint8Array(scratch.buffer, 0, KEY_BYTES_MAX)
