import { encodeUtf8, type Revision, type StatusReport } from "@headwater/core"
import type { Frame } from "./frame.ts"

/** A frame without entries, which needs no bytes from the engine. */
export type FramingFrame = Exclude<Frame, { type: "snapshot" | "delta" }>

/**
 * Encodes a framing frame as one event. `goodbye` and `fault` also say their `retryMs` as `retry:`,
 * which is what an `EventSource` obeys.
 */
export function encodeFrame(frame: FramingFrame): Uint8Array {
  const { type, ...rest } = frame
  switch (frame.type) {
    case "status":
      return eventOf(type, JSON.stringify(wireStatus(frame.report)))
    case "hello":
      return eventOf(type, JSON.stringify(rest))
    case "reset":
    case "sync":
    case "goodbye": {
      const { id, ...data } = rest as { id?: string }
      const retry = frame.type === "goodbye" ? frame.retryMs : undefined
      return eventOf(type, JSON.stringify(data), id, retry)
    }
    case "fault":
      return eventOf(type, JSON.stringify(rest), undefined, frame.retryMs)
  }
}

/** A comment between two events, as a heartbeat. */
export const COMMENT: Uint8Array = /* @__PURE__ */ encodeUtf8(":\n\n")

/** A comment before the first event: it leaves the block of the opening open. */
export const OPENING_COMMENT: Uint8Array = /* @__PURE__ */ encodeUtf8(":\n")

/**
 * Encodes the opening of a stream: a comment, because Bun sends no headers before a byte of body,
 * and the delay after which a reader that is cut reconnects. The first event continues the same
 * block: several libraries deliver a block that has only `retry:` as an empty event.
 */
export function encodeOpening(retryMs: number): Uint8Array {
  return encodeUtf8(`:\nretry: ${retryMs}\n`)
}

/**
 * Encodes a part of a snapshot. `body` is comma-joined entries, `{"key":…,"value":…,"revision":…}`.
 */
export function encodeSnapshotFrame(body: Uint8Array): Uint8Array {
  return around(`${headOf("snapshot")}{"entries":[`, body, "]}\n\n")
}

/**
 * Encodes a delta. `body` is comma-joined changes, each with its `op`.
 *
 * @param id absent in every frame of a run but the one that closes it: the frame then says
 *   `"partial":true`.
 */
export function encodeDeltaFrame(
  body: Uint8Array,
  revision: Revision,
  id: string | undefined,
): Uint8Array {
  const partial = id === undefined ? ',"partial":true' : ""
  const head = `${headOf("delta", id)}{"revision":${revision}${partial},"changes":[`
  return around(head, body, "]}\n\n")
}

/** A status as it stands on the wire and at REST: times as RFC 3339 UTC, `null` for never. */
export function wireStatus(report: StatusReport): {
  status: StatusReport["status"]
  statusSince: string
  lastContact: string | null
  invalid?: number
  code?: string
} {
  const { status, statusSince, lastContact, invalid, code } = report
  return {
    status,
    statusSince: new Date(statusSince).toISOString(),
    lastContact: lastContact > 0 ? new Date(lastContact).toISOString() : null,
    ...(invalid !== undefined && { invalid }),
    ...(code && { code }),
  }
}

// One event, its data one line of JSON.
function eventOf(event: string, data: string, id?: string, retryMs?: number): Uint8Array {
  return encodeUtf8(`${headOf(event, id, retryMs)}${data}\n\n`)
}

const encoder = /* @__PURE__ */ new TextEncoder()

function headOf(event: string, id?: string, retry?: number): string {
  const idLine = id === undefined ? "" : `id: ${id}\n`
  const retryLine = retry === undefined ? "" : `retry: ${retry}\n`
  return `event: ${event}\n${idLine}${retryLine}data: `
}

// Head and tail are ASCII, so their lengths in code units are those in bytes.
function around(head: string, body: Uint8Array, tail: string): Uint8Array {
  const bytes = new Uint8Array(head.length + body.length + tail.length)
  encoder.encodeInto(head, bytes)
  bytes.set(body, head.length)
  encoder.encodeInto(tail, bytes.subarray(head.length + body.length))
  return bytes
}
