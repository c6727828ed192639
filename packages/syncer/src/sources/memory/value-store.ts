import { assert } from "@headwater/core"

/** A value that stands in a store. */
export interface StoredValue {
  readonly bytes: Uint8Array
  readonly at: number
  readonly length: number
}

/** A slab has cells of one size, and is never given back. */
const SLAB_BYTES = 65_536
const CELL_BYTES_MIN = 16
/** A larger value stands alone, in an array that the collector frees. */
const CELL_BYTES_MAX = SLAB_BYTES / 4

/**
 * Values in a few large arrays, for a store that is overwritten all the time.
 *
 * A value in an array of its own that lives for a while costs much more than its bytes: the arrays
 * that die are freed at the next full collection alone, which V8 makes rarely while its own heap is
 * small. 240,000 overwrites of 20,000 values of 190 bytes grew the process by 249 MB.
 *
 * Cells have sizes of four steps to a doubling, so a value takes at most a fifth more than its
 * bytes (at least 16). A cell that is freed is used again for a value of its size.
 */
export class ValueStore {
  readonly #free = new Map<number, StoredValue[]>()
  #slabBytes = 0
  #pins = 0
  #deferred: StoredValue[] = []

  /** Bytes of all slabs, with the cells that are free. */
  get slabBytes(): number {
    return this.#slabBytes
  }

  /** Copies a value in. */
  add(value: Uint8Array): StoredValue {
    const { byteLength: length } = value
    if (length > CELL_BYTES_MAX) return { bytes: value.slice(), at: 0, length }
    const cell = this.#cellOf(cellBytesOf(length))
    cell.bytes.set(value, cell.at)
    return { bytes: cell.bytes, at: cell.at, length }
  }

  /** Copies a value out. */
  read({ bytes, at, length }: StoredValue): Uint8Array {
    return bytes.slice(at, at + length)
  }

  /** Gives a value's cell back; while the store is pinned, only after that. Once for each value. */
  remove(value: StoredValue): void {
    if (value.length > CELL_BYTES_MAX) return
    if (this.#pins > 0) this.#deferred.push(value)
    else this.#cellsOf(cellBytesOf(value.length)).push(value)
  }

  /** Keeps every value where it is until `unpin`, also those that are removed meanwhile. */
  pin(): void {
    this.#pins += 1
  }

  /** Ends one `pin`. */
  unpin(): void {
    assert(this.#pins > 0, "a store is unpinned once for each pin")
    this.#pins -= 1
    if (this.#pins > 0) return
    const deferred = this.#deferred
    this.#deferred = []
    for (const value of deferred) this.remove(value)
  }

  #cellOf(cellBytes: number): StoredValue {
    const cells = this.#cellsOf(cellBytes)
    if (cells.length === 0) {
      const bytes = new Uint8Array(SLAB_BYTES)
      this.#slabBytes += SLAB_BYTES
      for (let at = SLAB_BYTES - cellBytes; at >= 0; at -= cellBytes) {
        cells.push({ bytes, at, length: cellBytes })
      }
    }
    return cells.pop() as StoredValue
  }

  #cellsOf(cellBytes: number): StoredValue[] {
    const cells = this.#free.get(cellBytes) ?? []
    this.#free.set(cellBytes, cells)
    return cells
  }
}

function cellBytesOf(length: number): number {
  if (length <= CELL_BYTES_MIN) return CELL_BYTES_MIN
  const step = 2 ** Math.floor(Math.log2(length - 1)) / 4
  return Math.ceil(length / step) * step
}
