import { checkBytes } from "../bytes.ts"
import { ImageError } from "../errors.ts"

// An image, little-endian, every part a multiple of 8 bytes:
//
//   +0   8  magic, "HWIMAGE" and the format's number
//   +8   4  ABI version     +12  4  hash mask      +16  8  seed
//   +24  8  version, f64    +32  8  horizon, f64   +40  8  reach, f64
//   +48  8  digest          +56  4  live entries   +60  4  tombstones    +64  4  complete
//   +68  4  bytes of the opaque part
//   +72     opaque part, padded; then sections of leaves: u32 1, u32 bytes, leaves as in memory;
//           then u32 0, u32 0 and 8 bytes of checksum over everything before them

/** `HWIM`. */
export const MAGIC_LO = 0x4d495748
/** `AGE`, and the number of the format. */
export const MAGIC_HI = 0x01454741
export const HEADER_BYTES = 72
/** Kind of a section of leaves. */
export const LEAVES = 1
/** Most bytes of the caller's own part: 256 MiB. */
export const OPAQUE_BYTES_MAX = 268_435_456

/**
 * Checksum of an image: two 32-bit chains over its words. Each step is a bijection of the chain's
 * state, so a change of any one word is always seen; of several, all but one time in 2⁶⁴.
 *
 * The rounds are those of xxHash32, with two multipliers.
 */
export class Checksum {
  #lo = 0x48656164
  #hi = 0x77617465

  get lo(): number {
    return this.#lo >>> 0
  }

  get hi(): number {
    return this.#hi >>> 0
  }

  /** Adds bytes whose number is a multiple of 4, and whose address is too. */
  add(bytes: Uint8Array): void {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2)
    let lo = this.#lo
    let hi = this.#hi
    for (const word of words) {
      lo = (lo + Math.imul(word, 0x85ebca77)) | 0
      lo = Math.imul((lo << 13) | (lo >>> 19), 0x9e3779b1)
      hi = (hi + Math.imul(word, 0xc2b2ae3d)) | 0
      hi = Math.imul((hi << 17) | (hi >>> 15), 0x27d4eb2f)
    }
    this.#lo = lo
    this.#hi = hi
  }
}

/** Reads an image that comes in pieces of any size, and sums what it has read. */
export class ByteReader {
  #pieces: Iterator<Uint8Array>
  #piece: Uint8Array = new Uint8Array(0)
  #checksum = new Checksum()

  constructor(pieces: Iterable<Uint8Array>) {
    this.#pieces = pieces[Symbol.iterator]()
  }

  /** The next bytes, in a buffer of their own; their number is a multiple of 8. */
  read(bytes: number): Uint8Array<ArrayBuffer> {
    const read = this.#take(bytes)
    this.#checksum.add(read)
    return read
  }

  /** The checksum, which must be next and last. */
  end(): void {
    const [lo, hi] = new Uint32Array(this.#take(8).buffer, 0, 2)
    if (lo !== this.#checksum.lo || hi !== this.#checksum.hi) {
      throw new ImageError(
        "the checksum of the image does not match: it was changed; start without it",
      )
    }
    if (this.#piece.byteLength > 0 || !this.#pieces.next().done) {
      throw new ImageError("the image has bytes after its end; start without it")
    }
  }

  #take(bytes: number): Uint8Array<ArrayBuffer> {
    // Made as it fills: a length that was changed must not make us take gigabytes first.
    let taken = new Uint8Array(Math.min(bytes, 1_048_576))
    let filled = 0
    while (filled < bytes) {
      if (this.#piece.byteLength === 0) {
        const next = this.#pieces.next()
        if (next.done) throw new ImageError("the image ends too early; start without it")
        this.#piece = checkBytes(next.value, "a piece of the image")
        continue
      }
      const length = Math.min(this.#piece.byteLength, bytes - filled)
      if (filled + length > taken.byteLength) {
        const larger = new Uint8Array(
          Math.min(bytes, Math.max(taken.byteLength * 2, filled + length)),
        )
        larger.set(taken)
        taken = larger
      }
      taken.set(this.#piece.subarray(0, length), filled)
      this.#piece = this.#piece.subarray(length)
      filled += length
    }
    return taken
  }
}
