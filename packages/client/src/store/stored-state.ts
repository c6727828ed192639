import type { Position } from "@headwater/core"
import {
  decodeBase64,
  decodeUtf8,
  encodeBase64,
  encodeUtf8,
  isRevision,
  SyncError,
} from "@headwater/core"
import { Digest, formatPosition, readStreamId, xxHash32 } from "@headwater/protocol"
import type { ReplicaEntry } from "../snapshot.ts"

/** The stored state of a replica. */
export interface StoredState {
  /** Path and query of the stream: the topic, and the filters. */
  readonly place: string
  readonly position: Position
  /** The id to resume from. */
  readonly resume: string
  readonly entries: readonly ReplicaEntry[]
}

/** The stored state cannot be used: begin without it. */
export class StoredStateError extends SyncError {
  override readonly name = "StoredStateError"
  readonly code = "ERR_IMAGE"
  readonly recovery = "resync"
  /** `corrupted`: cut, or changed. `foreign`: of another format, topic or filter. */
  readonly reason: "corrupted" | "foreign"

  constructor(reason: "corrupted" | "foreign", message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

const FORMAT = "headwater-replica/1"

/**
 * Encodes a state as bytes: a line with format and checksum, a line of JSON that describes the
 * state, and a line for each entry.
 */
export function encodeState({ place, position, resume, entries }: StoredState): Uint8Array {
  const digest = digestOf(entries)
  const lines = [JSON.stringify({ place, position, resume, entries: entries.length, digest })]
  for (const { key, revision, value } of entries) {
    const isBytes = value instanceof Uint8Array
    lines.push(
      JSON.stringify(isBytes ? [key, revision, encodeBase64(value), 1] : [key, revision, value]),
    )
  }
  const body = lines.join("\n")
  return encodeUtf8(`${FORMAT} ${checksumOf(encodeUtf8(body))}\n${body}`)
}

/**
 * Decodes a state that `encodeState` encoded.
 *
 * @throws {StoredStateError} the bytes are no state, one of another place, or were changed.
 */
export function decodeState(bytes: Uint8Array, place: string): StoredState {
  const end = bytes.indexOf(0x0a)
  const [format, checksum] = decodeUtf8(bytes.subarray(0, Math.max(end, 0))).split(" ")
  if (format !== FORMAT)
    throw new StoredStateError(
      "foreign",
      "the bytes are not a stored replica: another program may have written them",
    )
  const body = bytes.subarray(end + 1)
  if (checksum !== checksumOf(body))
    throw new StoredStateError(
      "corrupted",
      "the stored replica is cut or changed: its checksum differs",
    )
  try {
    const [head, ...lines] = decodeUtf8(body).split("\n")
    const { place: other, position, resume, entries: count, digest } = JSON.parse(head!)
    if (other !== place)
      throw new StoredStateError("foreign", `the stored replica is of ${other}, not of ${place}`)
    const entries = lines.map(entryOf)
    const isWhole = entries.length === count && digestOf(entries) === digest
    const isPlaced = readStreamId(formatPosition(position)) && readStreamId(resume)
    if (!isWhole || !isPlaced) throw new TypeError("entries or position differ from the header")
    return { place, position, resume, entries }
  } catch (cause) {
    if (cause instanceof StoredStateError) throw cause
    throw new StoredStateError("corrupted", "the stored replica is unreadable", { cause })
  }
}

function entryOf(line: string): ReplicaEntry {
  const [key, revision, value, isBytes] = JSON.parse(line)
  if (typeof key !== "string" || !isRevision(revision)) throw new TypeError("not an entry")
  return { key, revision, value: isBytes ? decodeBase64(value) : value }
}

function digestOf(entries: readonly ReplicaEntry[]): string {
  const digest = new Digest()
  for (const { key, revision } of entries) digest.add(key, revision)
  return `${digest}`
}

function checksumOf(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return `${bytes.length}-${xxHash32(view, 0)}-${xxHash32(view, 1)}`
}
