import { FrameError, isRevision, type StatusReport } from "@headwater/core"
import type { Frame } from "./frame.ts"
import { isRecovery } from "./http.ts"
import { PROTOCOL_VERSION } from "./limits.ts"
import { readStreamId } from "./stream-id.ts"
import { isValueKind } from "./value-kind.ts"

/**
 * Reads one event of a stream.
 *
 * Checks everything that a reader acts on: types, revisions, ids, and that an id names the frame's
 * own revision. Ignores unknown fields. Does not check the values of entries: only `hello` names
 * their kind.
 *
 * A higher protocol, or an unknown `op`, reads as a `fault` with `retry: "stop"`: going on would
 * mean guessing.
 *
 * @param event the `event:` field; `""` or `message` are unknown events like any other.
 * @param data the `data:` field.
 * @param id the `id:` field of this very event; `""` when it had none.
 * @returns `undefined` for an unknown event, or a status that a newer hub invented: ignore it.
 * @throws {FrameError} the event cannot be read: close this connection.
 */
export function decodeFrame(event: string, data: string, id: string): Frame | undefined {
  try {
    return frameOf(event as Frame["type"], data, id) as Frame | undefined
  } catch (cause) {
    throw new FrameError(`${event}: its data cannot be read`, data, { cause })
  }
}

// Fields off the wire may have any type.
type Fields = Record<string, unknown>

// Throws an error of any class when the data is malformed.
function frameOf(type: Frame["type"], data: string, id: string): Fields | undefined {
  if (!TYPES.test(type)) return undefined
  const fields: Fields = JSON.parse(data)
  const { revision, epoch, entries, changes, reason, retry, retryMs = 0 } = fields
  const at = readStreamId(id)
  // An `id` among the fields is an unknown field, not the event's.
  const frame: Fields = { ...fields, type, id: id || undefined }
  switch (type) {
    case "hello":
      if ((fields.protocol as number) > PROTOCOL_VERSION) return STOP
      must(isText(epoch) && isRevision(fields.heartbeatMs) && isValueKind(fields.values))
      frame.resumed = fields.resumed === true
      break
    case "reset":
      must(at?.revision === 0 && at.epoch === epoch && isText(reason))
      break
    case "snapshot":
      must((entries as Fields[]).every(isEntry))
      break
    case "delta":
      for (const change of changes as Fields[]) {
        const { op } = change
        must(isText(op) && isWritten(change) && (op !== "put" || isEntry(change)))
        if (op !== "put" && op !== "delete" && op !== "touch") return STOP
      }
      if (fields.partial === true) frame.id = undefined
      else must(at?.revision === revision)
      break
    case "sync":
      must(at?.revision === revision)
      break
    case "status": {
      if (!STATUSES.test(fields.status as StatusReport["status"])) return undefined
      fields.statusSince = msOf(fields.statusSince)
      fields.lastContact = msOf(fields.lastContact)
      return { type, report: fields }
    }
    case "goodbye":
      must(isText(reason) && isRevision(retryMs))
      frame.retryMs = retryMs
      break
    case "fault":
      must(isText(fields.code) && isRevision(retryMs))
      frame.retryMs = retryMs
      // An unknown word must not keep a reader from coming back.
      frame.retry = isRecovery(retry) ? retry : "retry"
      break
    default:
      // A new type of frame does not compile here until it has a case.
      return type satisfies never
  }
  return frame
}

const TYPES = /^(hello|reset|snapshot|delta|sync|status|goodbye|fault)$/
const STATUSES = /^(waiting|resyncing|in-sync|stale)$/
const STOP: Fields = { type: "fault", code: "ERR_NOT_IMPLEMENTED", retry: "stop", retryMs: 0 }

function isText(value: unknown): boolean {
  return typeof value === "string"
}

function isWritten({ key, revision }: Fields): boolean {
  return isText(key) && isRevision(revision)
}

function isEntry(entry: Fields): boolean {
  return isWritten(entry) && entry.value !== undefined
}

function msOf(time: unknown): number {
  return Date.parse(time as string) || 0
}

function must(condition: boolean): void {
  if (!condition) throw new TypeError()
}
