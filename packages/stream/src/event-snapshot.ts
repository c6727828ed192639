import { encodeUtf8, isSyncError, type Revision } from "@headwater/core"
import type { Buffer, Engine } from "@headwater/core/engine"
import type { EventBuffer } from "./event-buffer.ts"
import type { EventCursor } from "./event-cursor.ts"
import { numbersOf } from "./event-item.ts"
import type { Keeps } from "./policy.ts"

const NO_MARK = numbersOf({ sequence: 0, bytes: 0, time: 0 })

/**
 * A state as a list of items whose end is linked to what comes after it.
 *
 *     first → item → item → sync → live → live → …
 *
 * It captures the newest item of the live buffer before the state is read, so that whatever is
 * published meanwhile is found when the two are spliced. It may be read while it is being built, by
 * any number of cursors, and by late ones for as long as it is held: they read an old state and
 * then everything since. While it is built or shared, published items
 * pile up behind it: beyond `keeps` it fails, or is no longer `usable`.
 *
 * An unlinked one is the state alone, and holds nothing that is published: for readers that are too
 * slow for the trail behind a state. Its cursors come to an end after its last item.
 *
 * Source: Consul `stream.eventSnapshot`.
 */
export class EventSnapshot {
  readonly #list: Buffer
  readonly #live: EventBuffer
  readonly #captured: EventCursor | undefined
  readonly #first: EventCursor
  #items = 0
  #bytes = 0
  #state: "building" | "ready" | "failed" | "closed" = "building"

  /** @param keeps bounds what is held of the trail; an unlinked snapshot has none. */
  constructor(engine: Engine, live: EventBuffer, keeps?: Keeps) {
    this.#live = live
    this.#list = engine.buffer()
    this.#captured = keeps && live.follow(keeps)
    this.#first = live.adopt(this.#list.follow(), live.mark, keeps, keeps === undefined)
  }

  /** Batches of the state so far. */
  get items(): number {
    return this.#items
  }

  /** Bytes of payload of the state so far. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * True when a subscriber may start here: it did not fail, and the trail behind it is still held.
   */
  get usable(): boolean {
    return (this.#state === "building" || this.#state === "ready") && this.over === undefined
  }

  /** Why the trail behind it is not held any more, if it is not. */
  get over(): Error | undefined {
    return this.#first.over
  }

  /** Appends a batch of the state. Nothing happens once it is closed. */
  append(revision: Revision, payload: Uint8Array): void {
    if (this.#state !== "building") return
    this.#append("events", revision, payload)
    this.#items += 1
    this.#bytes += payload.byteLength
  }

  /**
   * Ends the state, as of `revision`. Readers get `payload` as its end, and then live events.
   *
   * @throws {LaggedError} more was published meanwhile than may be held: `fail` it.
   * @throws {MemoryFullError} there is no room: `fail` it.
   */
  finish(revision: Revision, payload: Uint8Array): void {
    if (this.#state !== "building") return
    if (this.#captured?.over !== undefined) throw this.#captured.over
    this.#append("events", revision, payload)
    this.#captured?.spliceInto(this.#list, revision)
    this.#state = "ready"
    this.#endBuilding()
  }

  /**
   * Ends the state with an error: readers get what was appended, and then the error. The text of an
   * error that is not a `SyncError` is not shown.
   *
   * @throws {MemoryFullError} there is no room to say so.
   */
  fail(error: unknown): void {
    if (this.#state !== "building") return
    const message = isSyncError(error) ? error.message : "the snapshot could not be read"
    this.#state = "failed"
    try {
      this.#append("error", 0, encodeUtf8(message))
    } finally {
      this.#endBuilding()
    }
  }

  /** A cursor at the beginning. */
  follow(keeps?: Keeps): EventCursor {
    return this.#first.clone(keeps)
  }

  /** Lets go of it. Its readers read on; while it is built, it should have none. */
  close(): void {
    if (this.#state === "closed") return
    if (this.#state === "building") this.#endBuilding()
    this.#first.close()
    this.#state = "closed"
  }

  #append(kind: "events" | "error", revision: Revision, payload: Uint8Array): void {
    this.#list.append({ version: 0, revision, kind, numbers: NO_MARK, payload })
    this.#live.changes.wake()
  }

  #endBuilding(): void {
    this.#captured?.close()
    this.#list.dispose()
    this.#live.changes.wake()
  }
}
