import { type Event, LaggedError, type Revision } from "@headwater/core"
import type { EventCursor } from "./event-cursor.ts"
import type { StreamObserver } from "./observer.ts"
import type { Keeps, Policy, Unread } from "./policy.ts"
import type { Feed, StreamFrame } from "./subscription.ts"
import type { TopicBuffer } from "./topic-buffer.ts"

/** Whether a subscriber may see an event. Pure; whoever it serves is closed when that changes. */
export type Permits<Payload> = (event: Event<Payload>) => boolean

/** How one subscription reads. */
export interface FeedOptions<Payload> {
  readonly policy: Policy
  readonly keeps: Keeps
  readonly permits: Permits<Payload> | undefined
  readonly observer: StreamObserver | undefined
}

/** What one subscription reads: a snapshot and then the trail, or the trail alone. */
export class TopicFeed<Payload> implements Feed<Payload> {
  readonly #buffer: TopicBuffer<Payload>
  readonly #options: FeedOptions<Payload>
  #cursor: EventCursor | undefined
  #resets = false
  #floor: Revision = 0
  #over: { readonly error: unknown } | undefined

  constructor(buffer: TopicBuffer<Payload>, options: FeedOptions<Payload>) {
    this.#buffer = buffer
    this.#options = options
  }

  /**
   * Settles where it starts. True when it goes on where it was.
   *
   * @param isOfAnother `from` was learnt of a state that has been replaced.
   */
  begin(from: Revision, isOfAnother: boolean): boolean {
    if (from > 0 && !isOfAnother) this.#cursor = this.#buffer.resume(from, this.#options.keeps)
    const resumed = this.#cursor !== undefined
    if (resumed) this.#floor = from
    else this.#beginAfresh(from > 0)
    return resumed
  }

  read(): StreamFrame<Payload> | undefined {
    if (this.#over !== undefined) throw this.#over.error
    if (this.#resets) {
      this.#resets = false
      return { type: "reset" }
    }
    try {
      return this.#next()
    } catch (error) {
      if (error instanceof LaggedError && this.#cursor?.over === error) return this.#lag(error)
      // What could not be read or judged is not shown, and nothing after it either.
      this.#over = { error }
      throw error
    }
  }

  get unread(): Unread | undefined {
    return this.#cursor?.unread
  }

  close(): void {
    this.#cursor?.close()
    this.#cursor = undefined
  }

  #next(): StreamFrame<Payload> | undefined {
    for (;;) {
      const item = this.#cursor?.advance()
      if (item === undefined) return undefined
      // A state may hold a commit that is published only after the two were spliced.
      if (item.sequence > 0 && item.revision <= this.#floor) continue
      if (item.sequence === 0) this.#floor = item.revision
      const frame = this.#permitted(this.#buffer.frameOf(item))
      if (frame !== undefined) return frame
    }
  }

  // The shared frame itself when everything in it may be seen; a copy with less; or nothing.
  #permitted(frame: StreamFrame<Payload>): StreamFrame<Payload> | undefined {
    const { permits } = this.#options
    if (permits === undefined || frame.type !== "events") return frame
    const events = frame.events.filter(permits)
    if (events.length === frame.events.length) return frame
    return events.length === 0 ? undefined : { ...frame, events }
  }

  #lag(error: LaggedError): StreamFrame<Payload> {
    const { policy, observer } = this.#options
    const conflates = policy.type === "conflate"
    if (conflates) this.#beginAfresh(false)
    else this.#over = { error }
    observer?.onLag?.(this.#buffer.of.topic, {
      policy: policy.type,
      items: error.missedItems,
      lagMs: error.lagMs,
      outcome: conflates ? "conflated" : "lagged",
    })
    if (!conflates) throw error
    return { type: "reset" }
  }

  #beginAfresh(resets: boolean): void {
    const before = this.#cursor
    this.#cursor = this.#buffer.snapshot().follow(this.#options.keeps)
    before?.close()
    this.#floor = 0
    this.#resets = resets
  }
}
