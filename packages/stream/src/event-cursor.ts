import {
  ClosedError,
  type CloseReason,
  decodeUtf8,
  LaggedError,
  type Revision,
  SourceError,
  type Waiters,
} from "@headwater/core"
import type { Buffer, Cursor } from "@headwater/core/engine"
import { type BufferMark, type EventItem, markAt, sequenceAt } from "./event-item.ts"
import type { Keeps, Unread } from "./policy.ts"
import { isAfter, splice } from "./splice.ts"

/** The buffer that a cursor follows, as the cursor sees it: `EventBuffer`. */
export interface CursorContext {
  readonly closed: CloseReason | undefined
  readonly mark: BufferMark
  readonly changes: Waiters
  now(): number
  adopt(cursor: Cursor, mark: BufferMark, keeps?: Keeps, isUnlinked?: boolean): EventCursor
  append(item: { revision: Revision; kind: "empty"; payload: Uint8Array }): void
  itemAt(cursor: Cursor): EventItem
}

/**
 * A place in a trail. It holds the item that it stands on, and with it all that follow. What it has
 * yet to read of its buffer are its `items`, `bytes`, `behindMs` and `servedMs`.
 *
 * In a list that is not linked to the buffer, it holds none of the buffer's items: then these are
 * the items, bytes and time since its own last step.
 *
 * One caller at a time. Made by `EventBuffer.follow`; its owner closes it.
 */
export class EventCursor implements Unread {
  readonly #home: CursorContext
  readonly #keeps: Keeps | undefined
  readonly #onClose: () => void
  readonly #since: number
  readonly #isUnlinked: boolean
  #cursor: Cursor | undefined
  #mark: BufferMark
  // What it is behind since: when its item came, or the one after that, if it waited for it.
  #time: number
  #over: Error | undefined

  constructor(
    home: CursorContext,
    cursor: Cursor,
    mark: BufferMark,
    options: {
      readonly keeps?: Keeps
      readonly isUnlinked?: boolean
      readonly onClose: () => void
    },
  ) {
    this.#home = home
    this.#cursor = cursor
    this.#mark = mark
    this.#time = mark.time
    this.#keeps = options.keeps
    this.#isUnlinked = options.isUnlinked ?? false
    this.#onClose = options.onClose
    this.#since = home.now()
  }

  /** Why it can go no further: it lagged, it met an error, or it is closed. */
  get over(): Error | undefined {
    return this.#over
  }

  get items(): number {
    return this.#home.mark.sequence - this.#mark.sequence
  }

  get bytes(): number {
    return this.#home.mark.bytes - this.#mark.bytes
  }

  get behindMs(): number {
    return this.items === 0 ? 0 : this.#home.mark.time - this.#time
  }

  get servedMs(): number {
    return this.#home.now() - this.#since
  }

  /** A copy of what it has yet to read now. */
  get unread(): Unread {
    const { items, bytes, behindMs, servedMs } = this
    return { items, bytes, behindMs, servedMs }
  }

  /**
   * The next item, when it is there already. Empty items are passed over.
   *
   * @throws {LaggedError} it left more unread than it may hold.
   * @throws {SourceError} it came to an error; every later call throws the same.
   * @throws {ClosedError} it or its buffer is closed.
   */
  advance(): EventItem | undefined {
    for (;;) {
      if (this.#over !== undefined) throw this.#over
      const cursor = this.#cursor
      if (cursor === undefined || !cursor.move()) return undefined
      this.#note(cursor)
      const { kind } = cursor
      if (kind === "empty") continue
      const item = this.#home.itemAt(cursor)
      if (kind === "events") return item
      this.#end(new SourceError(decodeUtf8(item.payload)))
    }
  }

  /**
   * The next item, as soon as it is there. *Closed > data > cancelled*: a closed
   * cursor throws, and an item that is there is returned also to a cancelled caller.
   *
   * @throws what `advance` throws, and `signal.reason`.
   */
  async next(signal?: AbortSignal): Promise<EventItem> {
    for (;;) {
      const item = this.advance()
      if (item !== undefined) return item
      try {
        await this.#home.changes.wait(signal)
      } catch (reason) {
        const late = this.advance()
        if (late !== undefined) return late
        throw reason
      }
    }
  }

  /** Passes over one item and returns its revision; `undefined` when none is there. */
  pass(): Revision | undefined {
    const cursor = this.#cursor
    if (cursor === undefined || !cursor.move()) return undefined
    this.#note(cursor)
    return cursor.revision
  }

  /** Passes over everything up to `revision`: the next item, if any, is an error or above it. */
  skip(revision: Revision): void {
    const cursor = this.#cursor
    if (cursor === undefined) throw this.#over ?? new ClosedError("unsubscribed")
    const ahead = cursor.clone()
    while (ahead.move() && !isAfter(ahead, revision)) cursor.move()
    ahead.dispose()
    this.#note(cursor)
  }

  /** Another cursor at the same place, with a bound of its own. */
  clone(keeps?: Keeps): EventCursor {
    if (this.#cursor === undefined) throw this.#over ?? new ClosedError("unsubscribed")
    const isUnlinked = this.#isUnlinked
    const mark = isUnlinked ? this.#home.mark : this.#mark
    return this.#home.adopt(this.#cursor.clone(), mark, keeps, isUnlinked)
  }

  /**
   * Links the end of a snapshot's list to this trail: see `splice`. Closes the cursor.
   *
   * @throws {MemoryFullError} there is no room for the link, where one is needed.
   */
  spliceInto(list: Buffer, revision: Revision): void {
    const cursor = this.#cursor
    if (cursor === undefined) throw this.#over ?? new ClosedError("unsubscribed")
    // Taken out first, so that the bound does not end it half-way.
    this.#cursor = undefined
    this.close()
    const empty = { revision: 0, kind: "empty", payload: new Uint8Array(0) } as const
    try {
      splice(list, cursor, revision, () => this.#home.append(empty))
    } finally {
      cursor.dispose()
    }
  }

  /** Lets go of the trail. Twice is harmless. */
  close(): void {
    this.#end(new ClosedError(this.#home.closed ?? "unsubscribed"))
  }

  /** Its buffer has one item more, at `mark`. */
  onAppend(mark: BufferMark): void {
    // A reader of everything is behind from now on, however long nothing came.
    if (mark.sequence === this.#mark.sequence + 1) this.#time = mark.time
    if (this.#keeps === undefined || this.#keeps(this)) return
    this.#end(new LaggedError(this.behindMs, this.items))
  }

  // A cursor on the newest item shares its mark.
  #note(cursor: Cursor): void {
    const sequence = sequenceAt(cursor)
    if (sequence === 0 && !this.#isUnlinked) return
    const newest = this.#home.mark
    this.#mark = sequence === 0 || sequence === newest.sequence ? newest : markAt(cursor)
    this.#time = this.#mark.time
  }

  #end(over: Error): void {
    if (this.#over !== undefined) return
    this.#over = over
    this.#cursor?.dispose()
    this.#cursor = undefined
    this.#onClose()
  }
}
