import { type Clock, ClosedError, type CloseReason, type Revision, Waiters } from "@headwater/core"
import type { Buffer, Cursor, Engine } from "@headwater/core/engine"
import { EventCursor } from "./event-cursor.ts"
import { type BufferMark, type EventItem, itemAt, numbersOf, sequenceAt } from "./event-item.ts"
import type { Keeps } from "./policy.ts"

/** A batch to append, visible all at once. */
export interface NewItem {
  readonly revision: Revision
  /** The caller's own; 0 by default. */
  readonly version?: number
  /** `events` by default. An `error` ends the trail for its readers; its payload is a message. */
  readonly kind?: "events" | "error" | "empty"
  readonly payload: Uint8Array
}

/**
 * A trail of items in linear memory that one writer appends to and any number of cursors follow,
 * each at its own pace. None of them waits for another.
 *
 * The buffer holds its newest item alone; an older one epochs exactly as long as a cursor stands at
 * or before it. So a cursor that stops holds all that follows it, unless it is bounded: then
 * `append` lets it go, and it finds out with its next step.
 *
 * Each item carries, before its payload, how many items and bytes came before it and when, so that
 * what a cursor has left unread is a subtraction.
 *
 * Cost: `append` is O(cursors + waiters), some ns for each cursor, and one copy of the payload. An
 * item is copied out once for readers that read it one after another. Source: Consul
 * `stream.eventBuffer`, less the unbounded memory.
 */
export class EventBuffer {
  /** Woken by every append, and by `close`. */
  readonly changes = new Waiters()
  readonly #buffer: Buffer
  readonly #clock: Clock
  readonly #cursors = new Set<EventCursor>()
  #mark: BufferMark
  #lastRead: EventItem | undefined
  #revision: Revision = 0
  #closed: CloseReason | undefined

  constructor(engine: Engine, clock: Clock) {
    this.#buffer = engine.buffer()
    this.#clock = clock
    this.#mark = { sequence: 0, bytes: 0, time: clock.elapsed() }
  }

  /** Why it is closed, if it is. */
  get closed(): CloseReason | undefined {
    return this.#closed
  }

  /** Revision of the newest item with events; 0 when there was none. */
  get revision(): Revision {
    return this.#revision
  }

  /** Cursors that follow. */
  get followers(): number {
    return this.#cursors.size
  }

  /** The mark of the newest item. */
  get mark(): BufferMark {
    return this.#mark
  }

  /** Milliseconds, as in marks. */
  now(): number {
    return this.#clock.elapsed()
  }

  /** Appends one item. Cursors that may not hold so much any more are let go. */
  append(item: NewItem): void {
    if (this.#closed !== undefined) throw new ClosedError(this.#closed)
    const { revision, version = 0, kind = "events", payload } = item
    // An empty item is a link and nothing else: it is not counted, and no cursor is let go for it.
    const mark = kind === "empty" ? this.#mark : this.#after(payload.byteLength)
    this.#buffer.append({ version, revision, kind, numbers: numbersOf(mark), payload })
    if (kind === "empty") return
    this.#mark = mark
    if (kind === "events") this.#revision = revision
    for (const cursor of this.#cursors) cursor.onAppend(mark)
    this.changes.wake()
  }

  /** The item that a cursor stands on. Readers of the same item, one after another, share it. */
  itemAt(cursor: Cursor): EventItem {
    const sequence = sequenceAt(cursor)
    if (sequence === 0) return itemAt(cursor)
    if (this.#lastRead?.sequence !== sequence) this.#lastRead = itemAt(cursor)
    return this.#lastRead
  }

  /**
   * Stands on the newest item: what was appended before is not seen. Bounded by `keeps`, if any.
   */
  follow(keeps?: Keeps): EventCursor {
    return this.adopt(this.#buffer.follow(), this.mark, keeps)
  }

  /**
   * Makes a follower of a cursor that stands somewhere before this buffer's items, such as on the
   * snapshot that they are linked to. The cursor is this buffer's from here on.
   *
   * @param mark where in this buffer it stands, for counting what it leaves unread.
   * @param isUnlinked the cursor is in a list that is not linked to this buffer.
   */
  adopt(cursor: Cursor, mark: BufferMark, keeps?: Keeps, isUnlinked = false): EventCursor {
    if (this.#closed !== undefined) {
      cursor.dispose()
      throw new ClosedError(this.#closed)
    }
    const follower = new EventCursor(this, cursor, mark, {
      ...(keeps === undefined ? {} : { keeps }),
      isUnlinked,
      onClose: () => this.#cursors.delete(follower),
    })
    this.#cursors.add(follower)
    return follower
  }

  /** Lets go of everything, and closes every cursor with the reason. Twice is harmless. */
  close(reason: CloseReason = "unsubscribed"): void {
    if (this.#closed !== undefined) return
    this.#closed = reason
    for (const cursor of this.#cursors) cursor.close()
    this.#lastRead = undefined
    this.#buffer.dispose()
    this.changes.wake()
  }

  #after(payloadBytes: number): BufferMark {
    const { sequence, bytes } = this.#mark
    return { sequence: sequence + 1, bytes: bytes + payloadBytes, time: this.#clock.elapsed() }
  }
}
