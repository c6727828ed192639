import { ClosedError, onAbort } from "@headwater/core"

/**
 * A bounded queue before a publisher. A caller hands a batch over, and waits for room only when
 * `batchesMax` of them are queued already.
 *
 *     waiting … │ queued … → published        in the order of `offer`
 *
 * Batches are published one by one, each in a turn of the event loop of its own, so that other
 * tasks run between them. Source: Consul's publish queue (CS-B42).
 */
export class PublishQueue<Batch> {
  readonly #publish: (batch: Batch) => void
  readonly #giveWay: () => Promise<void>
  readonly #batchesMax: number
  // The first `batchesMax` are queued; those after them wait for room.
  #offers: Offer<Batch>[] = []
  #draining = false
  #closed = false

  /** @param giveWay waits for the next turn of the event loop. */
  constructor(
    publish: (batch: Batch) => void,
    giveWay: () => Promise<void>,
    options: { readonly batchesMax: number },
  ) {
    this.#publish = publish
    this.#giveWay = giveWay
    this.#batchesMax = options.batchesMax
  }

  /** Batches that are queued, or wait for room. */
  get size(): number {
    return this.#offers.length
  }

  /**
   * Queues the batch as soon as there is room; resolves when it is published. Once it is queued it
   * is published, whatever becomes of the signal.
   *
   * @throws {ClosedError} the publisher was closed; the batch is not published.
   * @throws `signal.reason`, while it waits for room; the batch is not published.
   */
  offer(batch: Batch, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new ClosedError("shutdown")
      signal?.throwIfAborted()
      const offer: Offer<Batch> = {
        batch,
        settle: (error) => {
          withdraw()
          if (error === undefined) resolve()
          else reject(error.cause)
        },
      }
      this.#offers.push(offer)
      const withdraw = onAbort(signal, () => {
        const place = this.#offers.indexOf(offer)
        if (place < this.#batchesMax) return
        this.#offers.splice(place, 1)
        offer.settle({ cause: signal?.reason })
      })
      // oxlint-disable-next-line typescript/no-floating-promises -- each offer gets its error.
      if (!this.#draining) this.#drain()
    })
  }

  /** Drops the queue. Its callers get a `ClosedError`. */
  close(): void {
    this.#closed = true
    const dropped = this.#offers
    this.#offers = []
    for (const { settle } of dropped) settle({ cause: new ClosedError("shutdown") })
  }

  async #drain(): Promise<void> {
    this.#draining = true
    await this.#giveWay()
    for (let next = this.#offers.shift(); next !== undefined; next = this.#offers.shift()) {
      try {
        this.#publish(next.batch)
        next.settle()
      } catch (cause) {
        next.settle({ cause })
      }
      await this.#giveWay()
    }
    this.#draining = false
  }
}

interface Offer<Batch> {
  readonly batch: Batch
  /** Ends the wait: in success, or with what it rejects with. */
  readonly settle: (failure?: { readonly cause: unknown }) => void
}
