import { FrameError, isRevision, type Status, SyncError, type SyncErrorCode } from "@headwater/core"
import type { Frame, WireChange, WireEntry } from "./frame.ts"
import { isRecovery } from "./http.ts"
import { PROTOCOL_VERSION } from "./limits.ts"
import { parseStreamId } from "./stream-id.ts"
import { isValueKind } from "./value-kind.ts"

/** The hub speaks a newer protocol than this reader. Going on would mean guessing. */
export class UnsupportedError extends SyncError {
  override readonly name = "UnsupportedError"
  readonly code = "ERR_FRAME"
  readonly recovery = "stop"
}

/**
 * Reads one event of a stream.
 *
 * Checks everything that a reader acts on: types, revisions, ids, and that an id names the frame's
 * own revision. Unknown fields are ignored. The values of entries are taken as they come; what kind
 * they must be is known to whoever saw the `hello`.
 *
 * @param event the `event:` field; `""` or `message` are unknown events like any other.
 * @param data the `data:` field.
 * @param id the `id:` field of this very event; `""` when it had none.
 * @returns `undefined` for an unknown event, or a status that a newer hub invented: ignore it.
 * @throws {FrameError} when it cannot be read: this link is not to be trusted any more.
 * @throws {UnsupportedError} for a higher protocol or an unknown `op`: do not come back.
 */
export function decodeFrame(event: string, data: string, id: string): Frame | undefined {
  const decode = Object.hasOwn(DECODERS, event) ? DECODERS[event as Frame["type"]] : undefined
  if (!decode) return undefined
  try {
    return decode(objectOf(JSON.parse(data)), id)
  } catch (error) {
    if (error instanceof UnsupportedError) throw error
    const { message } = error as Error
    throw new FrameError(`unreadable ${event}: ${message}`, data, { cause: error })
  }
}

type Fields = Record<string, unknown>

const DECODERS: Record<Frame["type"], (fields: Fields, id: string) => Frame | undefined> = {
  hello: (fields) => {
    const protocol = countOf(fields.protocol)
    if (protocol > PROTOCOL_VERSION) {
      throw new UnsupportedError(
        `the hub speaks protocol ${protocol}, this reader ${PROTOCOL_VERSION}`,
      )
    }
    if (!isValueKind(fields.values)) throw new TypeError("values of an unknown kind")
    return {
      type: "hello",
      protocol,
      topic: textOf(fields.topic),
      epoch: parseStreamId(`${textOf(fields.epoch)}.0`).epoch,
      values: fields.values,
      view: textOf(fields.view),
      heartbeatMs: countOf(fields.heartbeatMs),
      frameBytesMax: countOf(fields.frameBytesMax),
      resumed: fields.resumed === true,
      policy: textOf(fields.policy),
    }
  },

  reset: (fields, id) => {
    const epoch = textOf(fields.epoch)
    if (id !== `${parseStreamId(`${epoch}.0`).epoch}.0`) throw new TypeError("the id is another")
    return { type: "reset", reason: textOf(fields.reason), epoch, id }
  },

  snapshot: (fields) => ({ type: "snapshot", entries: arrayOf(fields.entries).map(entryOf) }),

  delta: (fields, id) => {
    const revision = revisionOf(fields.revision)
    const changes = arrayOf(fields.changes).map(changeOf)
    if (fields.partial === true) return { type: "delta", revision, changes }
    return { type: "delta", revision, changes, id: idAt(id, revision) }
  },

  sync: (fields, id) => {
    const revision = revisionOf(fields.revision)
    return {
      type: "sync",
      revision,
      entries: countOf(fields.entries),
      ...(fields.digest !== undefined && { digest: textOf(fields.digest) }),
      id: idAt(id, revision),
    }
  },

  status: (fields) => {
    const status = textOf(fields.status)
    if (!STATUSES.includes(status as Status)) return undefined
    return {
      type: "status",
      report: {
        status: status as Status,
        statusSince: timeOf(fields.statusSince),
        lastContact: timeOf(fields.lastContact),
        invalid: countOf(fields.invalid),
        ...(fields.code !== undefined && { code: textOf(fields.code) as SyncErrorCode }),
      },
    }
  },

  goodbye: (fields, id) => ({
    type: "goodbye",
    reason: textOf(fields.reason),
    retryMs: countOf(fields.retryMs ?? 0),
    ...(id && { id }),
  }),

  fault: (fields) => ({
    type: "fault",
    code: textOf(fields.code) as SyncErrorCode,
    // A word that this reader does not know cannot forbid it to come back.
    retry: isRecovery(fields.retry) ? fields.retry : "retry",
    retryMs: countOf(fields.retryMs ?? 0),
  }),
}

const STATUSES: readonly Status[] = ["waiting", "resyncing", "in-sync", "stale"]

function entryOf(item: unknown): WireEntry {
  const fields = objectOf(item)
  if (fields.value === undefined) throw new TypeError("an entry without a value")
  return { key: textOf(fields.key), value: fields.value, revision: revisionOf(fields.revision) }
}

function changeOf(item: unknown): WireChange {
  const fields = objectOf(item)
  const op = textOf(fields.op)
  if (op === "put") return { op, ...entryOf(item) }
  if (op === "delete" || op === "touch") {
    return { op, key: textOf(fields.key), revision: revisionOf(fields.revision) }
  }
  throw new UnsupportedError(`an op that this reader does not know: ${op.slice(0, 50)}`)
}

function idAt(id: string, revision: number): string {
  if (parseStreamId(id).revision !== revision) throw new TypeError("the id is of another revision")
  return id
}

function objectOf(value: unknown): Fields {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object")
  return value as Fields
}

function arrayOf(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError("not an array")
  return value
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("not a string")
  return value
}

function revisionOf(value: unknown): number {
  if (!isRevision(value)) throw new TypeError("not a revision")
  return value
}

// Counts and durations have the same bounds as revisions.
const countOf = revisionOf

function timeOf(value: unknown): number {
  if (value === null) return 0
  const time = Date.parse(textOf(value))
  if (Number.isNaN(time)) throw new TypeError("not a time")
  return time
}
