import { ClosedError, Waiters } from "@headwater/core"

/**
 * A bounded queue before a publisher: whoever commits hands a batch over, and waits for room only
 * when `batchesMax` of them are queued already.
 *
 * Batches are published one by one, in the order of `offer`, each in a turn of the event loop of
 * its own, so that a burst delays nobody for long. Source: Consul's publish queue (CS-B42).
 */
export class PublishQueue<Batch> {
  readonly #publish: (batch: Batch) => void
  readonly #giveWay: () => Promise<void>
  readonly #batchesMax: number
  readonly #room = new Waiters()
  #queued: Queued<Batch>[] = []
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

  /** Batches that are queued. */
  get size(): number {
    return this.#queued.length
  }

  /**
   * Queues the batch as soon as there is room; resolves when it is published.
   *
   * @throws {ClosedError} the publisher was closed; the batch is not published.
   * @throws `signal.reason`, while it waits for room; the batch is not published.
   */
  async offer(batch: Batch, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    while (!this.#closed && this.#queued.length >= this.#batchesMax) await this.#room.wait(signal)
    if (this.#closed) throw new ClosedError("shutdown")
    return new Promise((resolve, reject) => {
      this.#queued.push({ batch, resolve, reject })
      if (!this.#draining) void this.#drain()
    })
  }

  /** What is queued is dropped, and whoever waits hears it. */
  close(): void {
    this.#closed = true
    const dropped = this.#queued
    this.#queued = []
    for (const { reject } of dropped) reject(new ClosedError("shutdown"))
    this.#room.wake()
  }

  async #drain(): Promise<void> {
    this.#draining = true
    await this.#giveWay()
    for (let next = this.#queued.shift(); next !== undefined; next = this.#queued.shift()) {
      try {
        this.#publish(next.batch)
        next.resolve()
      } catch (error) {
        next.reject(error)
      }
      this.#room.wake()
      await this.#giveWay()
    }
    this.#draining = false
  }
}

interface Queued<Batch> {
  readonly batch: Batch
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}
