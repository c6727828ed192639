import {
  ClosedError,
  type CloseReason,
  LaggedError,
  type Revision,
  SourceError,
  type Waiters,
} from "@headwater/core"
import type { Buffer, Cursor } from "@headwater/core/engine"
import { type EventItem, type Mark, openItem } from "./event-item.ts"
import type { Keeps, Unread } from "./policy.ts"
import { isAfter, splice } from "./splice.ts"

/** The buffer that a cursor follows, as the cursor sees it: `EventBuffer`. */
export interface Trailhead {
  readonly closed: CloseReason | undefined
  readonly mark: Mark
  readonly changes: Waiters
  now(): number
  adopt(cursor: Cursor, mark: Mark, keeps?: Keeps): EventCursor
  append(item: { revision: Revision; kind: "empty"; payload: Uint8Array }): void
}

/**
 * A place in a trail. It holds the item that it stands on, and with it all that follow.
 *
 * One caller at a time. Made by `EventBuffer.follow`; whoever has it closes it.
 */
export class EventCursor {
  readonly #home: Trailhead
  readonly #keeps: Keeps | undefined
  readonly #onClose: () => void
  readonly #since: number
  #cursor: Cursor | undefined
  #mark: Mark
  #over: Error | undefined

  constructor(
    home: Trailhead,
    cursor: Cursor,
    mark: Mark,
    options: { readonly keeps?: Keeps; readonly onClose: () => void },
  ) {
    this.#home = home
    this.#cursor = cursor
    this.#mark = mark
    this.#keeps = options.keeps
    this.#onClose = options.onClose
    this.#since = home.now()
  }

  /** Why it can go no further: it lagged, it met an error, or it is closed. */
  get over(): Error | undefined {
    return this.#over
  }

  /** What it has yet to read of its buffer. */
  get unread(): Unread {
    const { sequence, bytes, time } = this.#home.mark
    const items = sequence - this.#mark.sequence
    return {
      items,
      bytes: bytes - this.#mark.bytes,
      behindMs: items === 0 ? 0 : time - this.#mark.time,
      servedMs: this.#home.now() - this.#since,
    }
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
      const next = this.#cursor?.advance()
      if (next === undefined) return undefined
      const { mark, item } = openItem(next)
      if (mark.sequence > 0) this.#mark = mark
      if (item.kind === "events") return item
      if (item.kind === "error") this.#end(new SourceError(new TextDecoder().decode(item.payload)))
    }
  }

  /**
   * The next item, as soon as it is there. *Closed > data > cancelled*: who is closed hears that,
   * and an item that is there is given also to who has given up.
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

  /** Passes over everything up to `revision`: the next item, if any, is an error or above it. */
  skip(revision: Revision): void {
    const cursor = this.#cursor
    if (cursor === undefined) throw this.#over ?? new ClosedError("unsubscribed")
    const ahead = cursor.clone()
    while (ahead.move() && !isAfter(ahead, revision)) {
      cursor.move()
      const { mark } = openItem(cursor.item())
      if (mark.sequence > 0) this.#mark = mark
    }
    ahead.dispose()
  }

  /** Another cursor at the same place, with a bound of its own. */
  clone(keeps?: Keeps): EventCursor {
    if (this.#cursor === undefined) throw this.#over ?? new ClosedError("unsubscribed")
    return this.#home.adopt(this.#cursor.clone(), this.#mark, keeps)
  }

  /** Links the end of a snapshot's list to this trail: see `splice`. Closes the cursor. */
  spliceInto(list: Buffer, revision: Revision): void {
    const cursor = this.#cursor
    if (cursor === undefined) throw this.#over ?? new ClosedError("unsubscribed")
    // Taken out first, so that the bound does not end it half-way.
    this.#cursor = undefined
    this.close()
    const empty = { revision: 0, kind: "empty", payload: new Uint8Array(0) } as const
    splice(list, cursor, revision, () => this.#home.append(empty))
    cursor.dispose()
  }

  /** Lets go of the trail. Twice is harmless. */
  close(): void {
    this.#end(new ClosedError(this.#home.closed ?? "unsubscribed"))
  }

  /** Its buffer has one item more, at `mark`. */
  onAppend(mark: Mark): void {
    // Who had read everything is behind from now on, however long nothing came.
    if (mark.sequence === this.#mark.sequence + 1) this.#mark = { ...this.#mark, time: mark.time }
    if (this.#keeps === undefined || this.#keeps(this.unread)) return
    const { items, behindMs } = this.unread
    this.#end(new LaggedError(behindMs, items))
  }

  #end(over: Error): void {
    if (this.#over !== undefined) return
    this.#over = over
    this.#cursor?.dispose()
    this.#cursor = undefined
    this.#onClose()
  }
}
