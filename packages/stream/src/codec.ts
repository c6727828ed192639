import {
  assert,
  checkBytes,
  decodeUtf8,
  type Event,
  encodeUtf8,
  isWellFormed,
  type Revision,
  TopicError,
  ValueError,
} from "@headwater/core"

/**
 * Writes payloads to linear memory and reads them again.
 *
 * An item lives exactly as long as a reader stands before it, and only linear memory knows when
 * that ends. So a payload is kept as bytes: an entry in a table beside it would never be cleared.
 * Each payload is encoded once, however many readers there are.
 */
export interface PayloadCodec<Payload> {
  /** Returns bytes of their own: not a buffer that the next call writes to. */
  encode(payload: Payload): Uint8Array
  decode(bytes: Uint8Array): Payload
}

/** Payloads as JSON. Dates, maps and the like do not survive it; `undefined` is refused. */
export function jsonCodec<Payload>(): PayloadCodec<Payload> {
  return {
    encode(payload) {
      const text: string | undefined = JSON.stringify(payload)
      if (text !== undefined) return encodeUtf8(text)
      throw new ValueError(`a payload is ${typeof payload}, which JSON has no form for`)
    },
    decode: (bytes) => JSON.parse(decodeUtf8(bytes)) as Payload,
  }
}

/** Encodes one payload. @throws {ValueError} the codec returned no bytes. */
export function encodePayload<Payload>(codec: PayloadCodec<Payload>, payload: Payload): Uint8Array {
  return checkBytes(codec.encode(payload), "an encoded payload")
}

/** Refuses a subject that would be another one after decoding. @throws {TopicError} */
export function checkSubject(subject: string): void {
  if (isWellFormed(subject)) return
  throw new TopicError(`subject ${JSON.stringify(subject)} has half of a surrogate pair`)
}

// An item's payload: a tag, then of each event its length as u32, little-endian, and its bytes.
// In an item that is read for all subjects, each event's subject stands before it in the same way.
const TAG_EVENTS = 0
const TAG_SYNC = 1
const TAG_SUBJECTS = 2

/** The payload that ends a snapshot. */
export function encodeSync(): Uint8Array {
  return new Uint8Array([TAG_SYNC])
}

/** Encoded payloads of one batch as one; with their subjects, where these differ. */
export function joinBatch(
  payloads: readonly Uint8Array[],
  subjects?: readonly string[],
): Uint8Array {
  const parts =
    subjects === undefined
      ? payloads
      : payloads.flatMap((payload, index) => [encodeUtf8(subjects[index]!), payload])
  const bytes = parts.reduce((sum, { byteLength }) => sum + 4 + byteLength, 1)
  const batch = new Uint8Array(bytes)
  batch[0] = subjects === undefined ? TAG_EVENTS : TAG_SUBJECTS
  let at = 1
  for (const part of parts) {
    writeLength(batch, at, part.byteLength)
    batch.set(part, at + 4)
    at += 4 + part.byteLength
  }
  return batch
}

/** The payloads of one batch as one. */
export function encodeBatch<Payload>(
  codec: PayloadCodec<Payload>,
  payloads: readonly Payload[],
): Uint8Array {
  return joinBatch(payloads.map((payload) => encodePayload(codec, payload)))
}

/** The events of an item's payload; `undefined` for the end of a snapshot. */
export function decodeBatch<Payload>(
  codec: PayloadCodec<Payload>,
  bytes: Uint8Array,
  of: { readonly topic: string; readonly subject: string; readonly revision: Revision },
): readonly Event<Payload>[] | undefined {
  if (bytes[0] === TAG_SYNC) return undefined
  const hasSubjects = bytes[0] === TAG_SUBJECTS
  assert(hasSubjects || bytes[0] === TAG_EVENTS, "an item is a batch or the end of a snapshot")
  const { topic, revision } = of
  const events: Event<Payload>[] = []
  let { subject } = of
  let isSubject = hasSubjects
  for (const part of partsOf(bytes)) {
    if (isSubject) subject = decodeUtf8(part)
    else events.push({ topic, subject, revision, payload: codec.decode(part) })
    isSubject = hasSubjects && !isSubject
  }
  return events
}

function* partsOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 1; at < bytes.byteLength; ) {
    const end = at + 4 + readLength(bytes, at)
    yield bytes.subarray(at + 4, end)
    at = end
  }
}

// A DataView each would cost more than all else that is done here for a small batch.
function writeLength(bytes: Uint8Array, at: number, length: number): void {
  bytes[at] = length
  bytes[at + 1] = length >>> 8
  bytes[at + 2] = length >>> 16
  bytes[at + 3] = length >>> 24
}

function readLength(bytes: Uint8Array, at: number): number {
  const byte = (index: number) => bytes[at + index] ?? 0
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0
}
