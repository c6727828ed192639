import type { Delta, Revision } from "@headwater/core"
import type { Engine } from "@headwater/core/engine"
import { EventBuffer, type EventCursor, type EventItem, type Keeps } from "@headwater/stream"

/** What one breadcrumb changed, against the version before it. */
export interface CrumbDeltas {
  /** The version that the deltas start from. */
  readonly since: number
  /** The version that they lead to. */
  readonly version: number
  readonly reach: Revision
  readonly deltas: readonly Delta[]
}

/**
 * The breadcrumbs that somebody has yet to read one by one, as items in linear memory.
 *
 * It is for readers whose policy is `pin`: everybody else needs no history, for what changed since
 * any version is in the trie. So nothing is kept, nor even looked at, while nobody follows; and each
 * follower's own bound, in items and in bytes, is what bounds the trail.
 */
export class Trail {
  readonly #buffer: EventBuffer

  constructor(engine: Engine) {
    this.#buffer = new EventBuffer(engine)
  }

  /** Whether anybody follows: whether `append` has a reader. */
  get followed(): boolean {
    return this.#buffer.followers > 0
  }

  /** Stands on the newest breadcrumb: what is appended from here on is seen, by `crumbOf`. */
  follow(keeps: Keeps): EventCursor {
    return this.#buffer.follow(keeps)
  }

  /** Appends what a breadcrumb changed. `time` in ms. */
  append(crumb: CrumbDeltas, time: number): void {
    const { version, reach: revision } = crumb
    this.#buffer.append({ version, revision, time, payload: encodeCrumb(crumb) })
  }

  /** Nothing is appended after. Followers read what is there, and then hear that it is closed. */
  close(): void {
    this.#buffer.close("shutdown")
  }
}

/** Reads an item of a trail. */
export function crumbOf(item: EventItem): CrumbDeltas {
  const { version, revision: reach, payload } = item
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  const since = view.getFloat64(0, true)
  const deltas: Delta[] = []
  for (let at = 8; at < payload.byteLength; ) {
    const op = OPS[view.getUint8(at)] ?? "touch"
    const revision = view.getFloat64(at + 1, true)
    const keyEnd = at + DELTA_HEADER_BYTES + view.getUint32(at + 9, true)
    const valueEnd = keyEnd + view.getUint32(at + 13, true)
    const key = decoder.decode(payload.subarray(at + DELTA_HEADER_BYTES, keyEnd))
    if (op === "put") deltas.push({ op, key, value: payload.slice(keyEnd, valueEnd), revision })
    else deltas.push({ op, key, revision })
    at = valueEnd
  }
  return { since, version, reach, deltas }
}

// An item: since f64, then of each delta: op u8, revision f64, key length u32, value length u32, key,
// value; little-endian.
const OPS = ["put", "delete", "touch"] as const
const DELTA_HEADER_BYTES = 17
const encoder = new TextEncoder()
const decoder = new TextDecoder()
const NO_VALUE = new Uint8Array(0)

function encodeCrumb({ since, deltas }: CrumbDeltas): Uint8Array {
  const keys = deltas.map(({ key }) => encoder.encode(key))
  let bytes = 8
  for (const [index, delta] of deltas.entries()) {
    bytes += DELTA_HEADER_BYTES + (keys[index]?.byteLength ?? 0) + valueOf(delta).byteLength
  }
  const payload = new Uint8Array(bytes)
  const view = new DataView(payload.buffer)
  view.setFloat64(0, since, true)
  let at = 8
  for (const [index, delta] of deltas.entries()) {
    const key = keys[index] ?? NO_VALUE
    const value = valueOf(delta)
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

function valueOf(delta: Delta): Uint8Array {
  return delta.op === "put" ? delta.value : NO_VALUE
}
