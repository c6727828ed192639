import { type Event, LaggedError, type Revision } from "@headwater/core"
import type { EventCursor } from "./event-cursor.ts"
import type { EventSnapshot } from "./event-snapshot.ts"
import type { StreamObserver } from "./observer.ts"
import type { Keeps, Policy, Unread } from "./policy.ts"
import type { Feed, StreamFrame } from "./subscription.ts"
import type { TopicBuffer } from "./topic-buffer.ts"

/** Returns whether a subscriber may see an event. Pure: close the subscription to change it. */
export type Permits<Payload> = (event: Event<Payload>) => boolean

/** The options of one subscription's feed. */
export interface FeedOptions<Payload> {
  readonly policy: Policy
  readonly keeps: Keeps
  readonly permits: Permits<Payload> | undefined
  readonly observer: StreamObserver | undefined
}

/** The longest pause of a reader of an unlinked state that is beyond its bound, ms. */
const PAUSE_MS_MAX = 10_000

/**
 * The frames of one subscription: a snapshot and then the trail, or the trail alone.
 *
 * A conflated reader always comes to the end of a state, however slow it is. While it reads one it
 * may leave as much unread as that state is large. If it lags all the same, the next state that it
 * reads is an unlinked one, of which no trail grows behind its back.
 */
export class TopicFeed<Payload> implements Feed<Payload> {
  readonly #buffer: TopicBuffer<Payload>
  readonly #options: FeedOptions<Payload>
  #cursor: EventCursor | undefined
  #start: Start | undefined
  #resets = false
  #floor: Revision = 0
  #seen: Revision = 0
  #over: { readonly error: unknown } | undefined

  constructor(buffer: TopicBuffer<Payload>, options: FeedOptions<Payload>) {
    this.#buffer = buffer
    this.#options = options
  }

  /**
   * Settles where it starts. Returns whether it goes on where it was.
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
    this.#start = undefined
  }

  #next(): StreamFrame<Payload> | undefined {
    for (;;) {
      const item = this.#cursor?.advance()
      if (item === undefined) {
        if (this.#start?.isUnlinked && this.#start.isWhole) return this.#goOn()
        return undefined
      }
      this.#seen = Math.max(this.#seen, item.revision)
      // A state may hold a commit that is published only after the two were spliced.
      if (item.sequence > 0 && item.revision <= this.#floor) continue
      if (item.sequence === 0) this.#floor = item.revision
      const shared = this.#buffer.frameOf(item)
      if (shared.type === "sync" && this.#start !== undefined) this.#start.isWhole = true
      const frame = this.#permitted(shared)
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
    if (conflates) this.#beginAfresh(false, this.#start?.isWhole === false)
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

  #beginAfresh(resets: boolean, isUnlinked = false): void {
    const before = this.#cursor
    const snapshot = isUnlinked
      ? this.#buffer.unlinkedSnapshot(this.#seen)
      : this.#buffer.snapshot()
    const start: Start = { snapshot, isUnlinked, isWhole: false }
    this.#start = start
    this.#cursor = snapshot.follow((unread) => this.#keeps(start, unread))
    before?.close()
    this.#floor = 0
    this.#resets = resets
  }

  // The reader holds an unlinked state whole: what came after it is read from where it is still
  // held, or else with a state anew.
  #goOn(): StreamFrame<Payload> | undefined {
    const before = this.#cursor
    const resumed = this.#buffer.resume(this.#floor, this.#options.keeps)
    if (resumed === undefined) {
      this.#beginAfresh(false)
      return { type: "reset" }
    }
    this.#cursor = resumed
    this.#start = undefined
    before?.close()
    return this.#next()
  }

  #keeps(start: Start, unread: Unread): boolean {
    const { keeps, policy } = this.#options
    if (keeps(unread)) {
      if (start.isWhole && !start.isUnlinked && this.#start === start) this.#start = undefined
      return true
    }
    if (policy.type !== "conflate") return false
    if (start.isUnlinked) return unread.behindMs <= PAUSE_MS_MAX
    // A reader that has caught up once has its policy's bound again.
    if (start.isWhole && this.#start !== start) return false
    const { items, bytes } = start.snapshot
    return keeps({
      ...unread,
      items: unread.items > items ? unread.items : 0,
      bytes: unread.bytes > bytes ? unread.bytes : 0,
    })
  }
}

/** The state that a reader began with, until it has read that and what piled up behind it. */
interface Start {
  readonly snapshot: EventSnapshot
  readonly isUnlinked: boolean
  /** The end of the state was read. */
  isWhole: boolean
}
