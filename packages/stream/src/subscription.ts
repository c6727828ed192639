// Projects that compile for ES2022 have no `Disposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  assert,
  ClosedError,
  type CloseReason,
  type Event,
  onAbort,
  type Revision,
} from "@headwater/core"
import type { Unread } from "./policy.ts"

/** A frame of a subscription. See `Subscription` for the order. */
export type StreamFrame<Payload> =
  /** Later frames replace all that the subscriber holds. */
  | { readonly type: "reset" }
  /** All events of one commit, for this topic and subject. */
  | {
      readonly type: "events"
      readonly revision: Revision
      readonly events: readonly Event<Payload>[]
    }
  /** The snapshot is whole, as of this revision, which is at least 1. */
  | { readonly type: "sync"; readonly revision: Revision }

/** The frames of a subscription, which is woken whenever `read` may have a new one. */
export interface Feed<Payload> {
  /**
   * Returns the next frame if there is one. Once the stream has ended, throws its error each time.
   */
  read(): StreamFrame<Payload> | undefined
  /** The unread part of the trail, when it is known. */
  readonly unread?: Unread | undefined
  close(): void
}

interface Caller<Payload> {
  readonly resolve: (frame: StreamFrame<Payload>) => void
  readonly reject: (error: unknown) => void
}

const NOW = Promise.resolve()

/**
 * A follower with a topic, a subject and a lifetime.
 *
 *     stream = (fresh | resumed) events*
 *     fresh  = reset? events* sync        `reset` when a position was given that cannot be resumed
 *
 * States: open, then closed, for the first reason that is given; later reasons are ignored. Closed
 * beats pending: once closed, not even what is there is delivered. One caller of `next` at a time.
 *
 * Iterating ends quietly when its own user closed it, and throws `ClosedError` otherwise. Leaving
 * the loop closes it. Source: Consul `stream.Subscription`.
 */
export class Subscription<Payload> implements AsyncIterable<StreamFrame<Payload>>, Disposable {
  /** The subscriber's identity; `closeFor` finds it by that. */
  readonly identity: string | undefined
  /** The epoch of its revisions; give it back with `from`. Each `refresh` begins another. */
  readonly epoch: string
  readonly #feed: Feed<Payload>
  readonly #onClose: (reason: CloseReason) => void
  readonly #assertOutside: (() => void) | undefined
  // The caller that waits in `next`. A field, as a table would be made anew for each wait.
  #waiter: (() => void) | undefined
  // Whether it was woken, and is about to look.
  #looks = false
  #closed: CloseReason | undefined

  /** For `EventPublisher.subscribe`. */
  constructor(
    feed: Feed<Payload>,
    options: {
      readonly identity: string | undefined
      readonly epoch: string
      readonly onClose: (reason: CloseReason) => void
      /** Throws within an observer, which is called in the middle of changes. */
      readonly assertOutside?: (() => void) | undefined
    },
  ) {
    this.#feed = feed
    this.identity = options.identity
    this.epoch = options.epoch
    this.#onClose = options.onClose
    this.#assertOutside = options.assertOutside
  }

  /** Why it is closed, if it is. */
  get closed(): CloseReason | undefined {
    return this.#closed
  }

  /** The unread part of the trail; `undefined` once it is closed. For gauges. */
  get unread(): Unread | undefined {
    return this.#feed.unread
  }

  /**
   * The next frame, as soon as it is there. *Closed > data > cancelled.*
   *
   * @throws {ClosedError} it is closed; see its `recovery`.
   * @throws {LaggedError} it left more unread than its policy lets it hold. Thrown again each time.
   * @throws {SourceError} the snapshot could not be read. Thrown again each time.
   * @throws what `permits` or the codec threw for a frame. Thrown again each time.
   * @throws `signal.reason`
   */
  next(signal?: AbortSignal): Promise<StreamFrame<Payload>> {
    try {
      assert(this.#waiter === undefined && !this.#looks, "one caller of next() at a time")
      const frame = this.poll()
      if (frame !== undefined) return Promise.resolve(frame)
      signal?.throwIfAborted()
    } catch (error) {
      return Promise.reject(error)
    }
    return new Promise((resolve, reject) => this.#wait({ resolve, reject }, signal))
  }

  /** The next frame, when it is there already. Throws as `next`. */
  poll(): StreamFrame<Payload> | undefined {
    this.#assertOutside?.()
    this.#assertOpen()
    let frame: StreamFrame<Payload> | undefined
    try {
      frame = this.#feed.read()
    } catch (error) {
      this.#assertOpen()
      throw error
    }
    // Reading calls what is not ours, which may have closed it.
    this.#assertOpen()
    return frame
  }

  /** Has a waiting caller look again. Returns whether there was one. */
  wake(): boolean {
    const wake = this.#waiter
    wake?.()
    return wake !== undefined
  }

  /** Ends it. The first reason counts; closing again does nothing. */
  close(reason: CloseReason = "unsubscribed"): void {
    this.#assertOutside?.()
    if (this.#closed !== undefined) return
    this.#closed = reason
    this.#feed.close()
    this.wake()
    this.#onClose(reason)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  // Looks again, in a turn of its own, when it is woken or when `signal` is aborted. By hand, since
  // an async function makes two promises more for each frame that is waited for.
  #wait(caller: Caller<Payload>, signal: AbortSignal | undefined): void {
    const look = () => {
      this.#looks = false
      withdraw()
      try {
        const frame = this.poll()
        if (frame !== undefined) caller.resolve(frame)
        else if (signal?.aborted) caller.reject(signal.reason)
        else this.#wait(caller, signal)
      } catch (error) {
        caller.reject(error)
      }
    }
    const wake = () => {
      if (this.#waiter !== wake) return
      this.#waiter = undefined
      this.#looks = true
      // oxlint-disable-next-line typescript/no-floating-promises -- `look` catches.
      NOW.then(look)
    }
    this.#waiter = wake
    const withdraw = onAbort(signal, wake)
  }

  #assertOpen(): void {
    if (this.#closed !== undefined) throw new ClosedError(this.#closed)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<StreamFrame<Payload>, void> {
    try {
      for (;;) yield await this.next()
    } catch (error) {
      if (this.#closed !== "unsubscribed") throw error
    } finally {
      this.close()
    }
  }
}
