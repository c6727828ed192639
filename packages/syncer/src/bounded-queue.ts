import { Waiters } from "@headwater/core"

/** The bounds of a queue. */
export interface QueueBounds {
  readonly itemsMax: number
  /** In the unit of the weights given to `push`. An item heavier than this waits alone. */
  readonly weightMax: number
}

/**
 * A queue between one who reads a source and one who applies what it said. When it is full the
 * pusher waits, so that the source is not read: memory is bounded, and nothing is dropped.
 */
export class BoundedQueue<T> {
  readonly #bounds: QueueBounds
  readonly #space = new Waiters()
  #items: { readonly item: T; readonly weight: number }[] = []
  #weight = 0

  constructor(bounds: QueueBounds) {
    this.#bounds = bounds
  }

  get size(): number {
    return this.#items.length
  }

  get weight(): number {
    return this.#weight
  }

  /** Waits for space. Rejects with `signal.reason`; the item is then not in the queue. */
  async push(item: T, weight: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    while (this.#isFullFor(weight)) await this.#space.wait(signal)
    this.#items.push({ item, weight })
    this.#weight += weight
  }

  /** The oldest item, without taking it. */
  peek(): T | undefined {
    return this.#items[0]?.item
  }

  /** Takes the oldest item. */
  shift(): T | undefined {
    const first = this.#items.shift()
    if (first === undefined) return undefined
    this.#weight -= first.weight
    this.#space.wake()
    return first.item
  }

  #isFullFor(weight: number): boolean {
    const { itemsMax, weightMax } = this.#bounds
    if (this.#items.length === 0) return false
    return this.#items.length >= itemsMax || this.#weight + weight > weightMax
  }
}
