import { assert } from "@headwater/core"

/** A handle of a value in an `ExpiryHeap`. */
export interface Expiring<T> {
  readonly value: T
  /** `elapsed` ms. */
  readonly at: number
}

interface Handle<T> extends Expiring<T> {
  at: number
  place: number
}

/**
 * A binary heap of values by the time at which they expire. O(log n) each.
 *
 * An expiry is only ever put off, never brought forward.
 */
export class ExpiryHeap<T> {
  readonly #heap: Handle<T>[] = []

  /** The value that expires first. */
  get first(): Expiring<T> | undefined {
    return this.#heap[0]
  }

  /** The number of values. */
  get size(): number {
    return this.#heap.length
  }

  /** Adds a value. */
  add(value: T, at: number): Expiring<T> {
    const handle: Handle<T> = { value, at, place: this.#heap.length }
    this.#heap.push(handle)
    this.#rise(handle)
    return handle
  }

  /** Puts an expiry off; one that would come sooner stays as it is. */
  extend(expiring: Expiring<T>, at: number): void {
    const handle = expiring as Handle<T>
    if (at <= handle.at) return
    handle.at = at
    this.#sink(handle)
  }

  /** Removes it; again is harmless. */
  remove(expiring: Expiring<T>): void {
    const handle = expiring as Handle<T>
    const { place } = handle
    if (this.#heap[place] !== handle) return
    const last = this.#heap.pop()!
    if (last === handle) return
    this.#put(last, place)
    this.#rise(last)
    this.#sink(last)
  }

  /** Asserts that no value expires before the one above it. */
  assertInvariants(): void {
    for (const [place, handle] of this.#heap.entries()) {
      assert(handle.place === place, "a handle knows its place")
      const parent = this.#heap[(place - 1) >> 1]
      assert(parent === undefined || parent.at <= handle.at, "the earliest is above")
    }
  }

  #rise(handle: Handle<T>): void {
    while (handle.place > 0) {
      const { place } = handle
      const above = (place - 1) >> 1
      const parent = this.#heap[above]!
      if (parent.at <= handle.at) return
      this.#put(parent, place)
      this.#put(handle, above)
    }
  }

  #sink(handle: Handle<T>): void {
    for (;;) {
      const { place } = handle
      const left = this.#heap[2 * place + 1]
      const right = this.#heap[2 * place + 2]
      const child = right && left && right.at < left.at ? right : left
      if (!child || child.at >= handle.at) return
      const below = child.place
      this.#put(child, place)
      this.#put(handle, below)
    }
  }

  #put(handle: Handle<T>, place: number): void {
    this.#heap[place] = handle
    handle.place = place
  }
}
