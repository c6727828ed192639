import {
  type Clock,
  ClosedError,
  type Delta,
  decodeUtf8,
  encodeUtf8,
  MemoryFullError,
  type Revision,
} from "@headwater/core"
import type { Engine } from "@headwater/core/engine"
import { EventBuffer, type EventCursor, type EventItem, type Keeps } from "@headwater/stream"

/** The changes of one breadcrumb against the one before it. */
export interface CrumbDeltas {
  /** The version that the deltas lead to. */
  readonly version: number
  readonly reach: Revision
  readonly deltas: readonly Delta[]
}

/**
 * The breadcrumbs that followers with the policy `pin` have yet to read, as items in linear memory.
 *
 * Readers with other policies need no history, because the trie has the changes since any version.
 * So nothing is encoded or kept while no follower pins. The trail is bounded by each follower's own
 * bound, in items and in bytes.
 */
export class Trail {
  readonly #engine: Engine
  readonly #clock: Clock
  #buffer: EventBuffer | undefined
  #closed = false

  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
  }

  /** True while `append` has a reader. */
  get followed(): boolean {
    return (this.#buffer?.followers ?? 0) > 0
  }

  /** Returns a cursor on the newest breadcrumb: it sees those appended later (`crumbOf`). */
  follow(keeps: Keeps): EventCursor {
    if (this.#closed) throw new ClosedError("shutdown")
    this.#buffer ??= new EventBuffer(this.#engine, this.#clock)
    return this.#buffer.follow(keeps)
  }

  /**
   * Appends the changes of a breadcrumb. When memory is full, all followers of the trail end with
   * a `ClosedError`: their unread items fill the memory, and a trail must not have a hole.
   *
   * @param crumb has deltas that are read here, for which memory may be full as well.
   * @returns the bytes that it takes, once for all followers.
   */
  append(crumb: Omit<CrumbDeltas, "deltas"> & { readonly deltas: Iterable<Delta> }): number {
    const { version, reach: revision, deltas } = crumb
    try {
      const payload = encodeDeltas([...deltas])
      this.#buffer?.append({ version, revision, payload })
      return payload.byteLength
    } catch (error) {
      if (!(error instanceof MemoryFullError)) throw error
      this.#drop()
      return 0
    }
  }

  /** Closes the trail and ends its followers. */
  close(): void {
    this.#closed = true
    this.#drop()
  }

  #drop(): void {
    this.#buffer?.close("forced")
    this.#buffer = undefined
  }
}

/** Reads an item of a trail. */
export function crumbOf(item: EventItem): CrumbDeltas {
  const { version, revision: reach, payload } = item
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const deltas: Delta[] = []
  for (let at = 0; at < payload.byteLength; ) {
    const op = OPS[view.getUint8(at)] ?? "touch"
    const revision = view.getFloat64(at + 1, true)
    const keyEnd = at + DELTA_HEADER_BYTES + view.getUint32(at + 9, true)
    const valueEnd = keyEnd + view.getUint32(at + 13, true)
    const key = decodeUtf8(payload.subarray(at + DELTA_HEADER_BYTES, keyEnd))
    if (op === "put") deltas.push({ op, key, value: payload.slice(keyEnd, valueEnd), revision })
    else deltas.push({ op, key, revision })
    at = valueEnd
  }
  return { version, reach, deltas }
}

// An item, for each delta: op u8, revision f64, key length u32, value length u32, key,
// value; little-endian.
const OPS = ["put", "delete", "touch"] as const
const DELTA_HEADER_BYTES = 17
const NO_VALUE = new Uint8Array(0)

function encodeDeltas(deltas: readonly Delta[]): Uint8Array {
  const keys = deltas.map(({ key }) => encodeUtf8(key))
  let bytes = 0
  for (const [index, delta] of deltas.entries()) {
    bytes += DELTA_HEADER_BYTES + (keys[index]?.byteLength ?? 0) + bytesOf(delta).byteLength
  }
  const payload = new Uint8Array(bytes)
  const view = new DataView(payload.buffer)
  let at = 0
  for (const [index, delta] of deltas.entries()) {
    const key = keys[index] ?? NO_VALUE
    const value = bytesOf(delta)
    view.setUint8(at, OPS.indexOf(delta.op))
    view.setFloat64(at + 1, delta.revision, true)
    view.setUint32(at + 9, key.byteLength, true)
    view.setUint32(at + 13, value.byteLength, true)
    payload.set(key, at + DELTA_HEADER_BYTES)
    payload.set(value, at + DELTA_HEADER_BYTES + key.byteLength)
    at += DELTA_HEADER_BYTES + key.byteLength + value.byteLength
  }
  return payload
}

function bytesOf(delta: Delta): Uint8Array {
  return delta.op === "put" ? delta.value : NO_VALUE
}
