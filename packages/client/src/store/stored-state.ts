import type { Position } from "@headwater/core"
import { isRevision, SyncError } from "@headwater/core"
import { Digest, formatPosition, readStreamId, xxHash32 } from "@headwater/protocol"
import type { ReplicaEntry } from "../snapshot.ts"

/** What is stored of a replica. */
export interface StoredState {
  /** Path and query of the stream: the topic, and what is followed of it. */
  readonly place: string
  readonly position: Position
  /** The id to resume from. */
  readonly resume: string
  readonly entries: readonly ReplicaEntry[]
}

/** What was stored cannot be used: begin without it. */
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
const utf8 = new TextEncoder()

/**
 * Writes a state as bytes: a line with format and checksum, one of JSON that says what it is, and
 * one for each entry.
 */
export function encodeState({ place, position, resume, entries }: StoredState): Uint8Array {
  const digest = digestOf(entries)
  const lines = [JSON.stringify({ place, position, resume, entries: entries.length, digest })]
  for (const { key, revision, value } of entries) {
    const isBytes = value instanceof Uint8Array
    lines.push(JSON.stringify(isBytes ? [key, revision, textOf(value), 1] : [key, revision, value]))
  }
  const body = lines.join("\n")
  return utf8.encode(`${FORMAT} ${checksumOf(utf8.encode(body))}\n${body}`)
}

/**
 * Reads what `encodeState` wrote.
 *
 * @throws {StoredStateError} it is none, of another place, or not what was written.
 */
export function decodeState(bytes: Uint8Array, place: string): StoredState {
  const end = bytes.indexOf(0x0a)
  const [format, checksum] = new TextDecoder()
    .decode(bytes.subarray(0, Math.max(end, 0)))
    .split(" ")
  if (format !== FORMAT) throw new StoredStateError("foreign", "not a stored replica")
  const body = bytes.subarray(end + 1)
  if (checksum !== checksumOf(body)) throw new StoredStateError("corrupted", "the checksum differs")
  try {
    const [head, ...lines] = new TextDecoder().decode(body).split("\n")
    const { place: other, position, resume, entries: count, digest } = JSON.parse(head!)
    if (other !== place) throw new StoredStateError("foreign", `a replica of ${other}`)
    const entries = lines.map(entryOf)
    const isWhole = entries.length === count && digestOf(entries) === digest
    const isPlaced = readStreamId(formatPosition(position)) && readStreamId(resume)
    if (!isWhole || !isPlaced) throw new TypeError("not what it says")
    return { place, position, resume, entries }
  } catch (cause) {
    if (cause instanceof StoredStateError) throw cause
    throw new StoredStateError("corrupted", "unreadable", { cause })
  }
}

function entryOf(line: string): ReplicaEntry {
  const [key, revision, value, isBytes] = JSON.parse(line)
  if (typeof key !== "string" || !isRevision(revision)) throw new TypeError("not an entry")
  return { key, revision, value: isBytes ? bytesOf(value) : value }
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

function textOf(bytes: Uint8Array): string {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
