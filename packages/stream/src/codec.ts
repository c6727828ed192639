import { assert, type Event, type Revision } from "@headwater/core"

/**
 * How payloads are written to linear memory and read from it again.
 *
 * Items live exactly as long as a reader stands before them, and only linear memory knows when that
 * ends: it tells nobody. So a payload is kept as bytes, not as a reference in a table beside it
 * that nobody could clear. It is encoded once per item, whoever reads it.
 */
export interface Codec<Payload> {
  encode(payload: Payload): Uint8Array
  decode(bytes: Uint8Array): Payload
}

/** Payloads as JSON. `undefined`, dates, maps and the like do not survive it. */
export function jsonCodec<Payload>(): Codec<Payload> {
  return {
    encode: (payload) => encoder.encode(JSON.stringify(payload)),
    decode: (bytes) => JSON.parse(decoder.decode(bytes)) as Payload,
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

// An item's payload: a tag, then of each event its length as u32, little-endian, and its bytes.
const TAG_EVENTS = 0
const TAG_SYNC = 1

/** The payload that ends a snapshot. */
export function encodeSync(): Uint8Array {
  return new Uint8Array([TAG_SYNC])
}

/** The payloads of one batch as one. */
export function encodeBatch<Payload>(
  codec: Codec<Payload>,
  payloads: readonly Payload[],
): Uint8Array {
  const encoded = payloads.map((payload) => codec.encode(payload))
  const bytes = encoded.reduce((sum, { byteLength }) => sum + 4 + byteLength, 1)
  const batch = new Uint8Array(bytes)
  const view = new DataView(batch.buffer)
  batch[0] = TAG_EVENTS
  let at = 1
  for (const payload of encoded) {
    view.setUint32(at, payload.byteLength, true)
    batch.set(payload, at + 4)
    at += 4 + payload.byteLength
  }
  return batch
}

/** The events of an item's payload; `undefined` for the end of a snapshot. */
export function decodeBatch<Payload>(
  codec: Codec<Payload>,
  bytes: Uint8Array,
  of: { readonly topic: string; readonly subject: string; readonly revision: Revision },
): readonly Event<Payload>[] | undefined {
  if (bytes[0] === TAG_SYNC) return undefined
  assert(bytes[0] === TAG_EVENTS, "an item is a batch or the end of a snapshot")
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { topic, subject, revision } = of
  const events: Event<Payload>[] = []
  for (let at = 1; at < bytes.byteLength; ) {
    const end = at + 4 + view.getUint32(at, true)
    events.push({ topic, subject, revision, payload: codec.decode(bytes.subarray(at + 4, end)) })
    at = end
  }
  return events
}
