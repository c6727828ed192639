import { combine, shiftOf } from "./crc.ts"
import { crc32, deflate } from "./deflate.ts"

/**
 * Longest event that is stored as it is, in bytes: deflating it would take 20 µs and save a few.
 * Events of single readers, such as `hello`, are seldom longer.
 *
 * Decision: docs/decisions/server.md, “The hub deflates an event once”.
 */
export const STORED_BYTES_MAX = 256

/** An event compressed as a part of any gzip stream, with the sums for the stream's tail. */
export interface Packed {
  readonly bytes: Uint8Array
  readonly length: number
  readonly crc: number
  /** `shiftOf` the length. */
  readonly shift: number
}

const known = new WeakMap<Uint8Array, Packed>()

/** Returns the packed form of an event if it was packed before. */
export function packedOf(event: Uint8Array): Packed | undefined {
  return known.get(event)
}

/** Packs an event once for all readers of the same bytes; kept as long as these. */
export function pack(event: Uint8Array): Packed {
  const before = known.get(event)
  if (before !== undefined) return before
  const { byteLength: length } = event
  const bytes = length > STORED_BYTES_MAX ? deflate(event) : store(event)
  const packed = { bytes, length, crc: crc32(event), shift: shiftOf(length) }
  known.set(event, packed)
  return packed
}

/** The head of a stream in gzip (RFC 1952, section 2.3): no name, no time, any system. */
export const GZIP_HEAD: Uint8Array = new Uint8Array([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff])

/** The running sums of one stream in gzip. */
export class GzipSum {
  #crc = 0
  #length = 0

  /** Notes the next part; returns its bytes. */
  add({ bytes, length, crc, shift }: Packed): Uint8Array {
    this.#crc = combine(this.#crc, crc, shift)
    this.#length += length
    return bytes
  }

  /** Returns the end of the stream: an empty last block, the CRC and the length. */
  tail(): Uint8Array {
    const tail = new Uint8Array(10)
    tail[0] = 3
    const view = new DataView(tail.buffer)
    view.setUint32(2, this.#crc, true)
    view.setUint32(6, this.#length % 2 ** 32, true)
    return tail
  }
}

/** A stored block without bytes: what a flush of zlib ends with. */
const EMPTY_BLOCK = [0, 0, 0, 0xff, 0xff]

// A stored block (RFC 1951, section 3.2.4), which begins at a byte as all before it ended there.
// The empty block after it is for Go's decoder, which holds a stored block back until the next one.
function store(event: Uint8Array): Uint8Array {
  const { byteLength: length } = event
  const blocks = new Uint8Array(5 + length + EMPTY_BLOCK.length)
  blocks.set([0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff])
  blocks.set(event, 5)
  blocks.set(EMPTY_BLOCK, 5 + length)
  return blocks
}
