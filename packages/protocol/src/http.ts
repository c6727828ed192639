import type { Recovery, SyncErrorCode } from "@headwater/core"
import type { ValueKind } from "./value-kind.ts"

/** Response header of GET, PUT and DELETE: the entry's, or the write's, revision. */
export const REVISION_HEADER = "headwater-revision"

/** Response header of GET, PUT and DELETE: the position that the answer is as of. */
export const POSITION_HEADER = "headwater-position"

/** Headers of every answer with a value: a writer may have put HTML there. */
export const VALUE_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
}

/**
 * Headers of every answer of a stream, which shows values. Never a hop-by-hop header beside them.
 * `incremental` (RFC 10036) asks intermediaries to pass each part on as it comes.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
  incremental: "?1",
  // Those of `VALUE_HEADERS`, without a spread: a bundler would keep that in every page.
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox",
}

// Codes after the blank line never leave the process. They have a status, so the table is total.
const TABLE: Readonly<Record<SyncErrorCode, readonly [status: number, recovery: Recovery]>> = {
  ERR_POSITION_MALFORMED: [400, "stop"],
  ERR_KEY_INVALID: [400, "stop"],
  ERR_VALUE_INVALID: [400, "stop"],
  ERR_REQUEST_INVALID: [400, "stop"],
  ERR_UNAUTHENTICATED: [401, "stop"],
  ERR_FORBIDDEN: [403, "stop"],
  ERR_NOT_FOUND: [404, "stop"],
  ERR_TOPIC_UNKNOWN: [404, "stop"],
  ERR_KEY_ABSENT: [404, "stop"],
  ERR_METHOD: [405, "stop"],
  ERR_NOT_WRITABLE: [405, "stop"],
  ERR_EPOCH_CHANGED: [409, "resync"],
  ERR_PAGE_GONE: [410, "resync"],
  ERR_CONFLICT: [412, "resync"],
  ERR_TOO_LARGE: [413, "stop"],
  ERR_MEDIA_TYPE: [415, "stop"],
  ERR_TOO_MANY: [429, "retry"],
  ERR_INTERNAL: [500, "retry"],
  ERR_NOT_IMPLEMENTED: [501, "stop"],
  ERR_SOURCE_FAILED: [502, "retry"],
  ERR_NOT_READY: [503, "retry"],
  ERR_MEMORY_FULL: [503, "retry"],
  ERR_TIMEOUT: [504, "retry"],
  ERR_OUTCOME_UNKNOWN: [504, "retry"],
  ERR_QUOTA: [507, "stop"],

  ERR_COMPACTED: [410, "resync"],
  ERR_LAGGED: [503, "resync"],
  ERR_CLOSED: [503, "retry"],
  ERR_FRAME: [502, "retry"],
  ERR_ENGINE: [500, "stop"],
  ERR_IMAGE: [500, "resync"],
  ERR_OPTION_INVALID: [500, "stop"],
}

/** The HTTP status of an error code. */
export function httpStatusOf(code: SyncErrorCode): number {
  return TABLE[code][0]
}

/** Recovery from an error: `retry` the same later, `resync` (read afresh first), or `stop`. */
export function recoveryOf(code: SyncErrorCode): Recovery {
  return TABLE[code][1]
}

/** The body of an error answer, of any resource. */
export interface ErrorBody {
  /** One of `SyncErrorCode`, or one that a newer hub knows. */
  readonly code: string
  /** For people. Never exception text. */
  readonly message: string
  readonly retry: Recovery
}

/**
 * Encodes the body of an error answer: `{ "error": { "code", "message", "retry" } }`.
 *
 * @param facts members that stand beside `error`, such as the present `epoch`.
 */
export function encodeErrorBody(
  code: SyncErrorCode,
  message: string,
  facts: Readonly<Record<string, unknown>> = {},
): string {
  return JSON.stringify({ error: { code, message, retry: recoveryOf(code) }, ...facts })
}

/** Reads the body of an error answer; `undefined` when it is not one of a hub. Never throws. */
export function decodeErrorBody(text: string): ErrorBody | undefined {
  try {
    const { code, message, retry } = JSON.parse(text).error
    if (typeof code !== "string" || typeof message !== "string" || !isRecovery(retry)) return
    return { code, message, retry }
  } catch {
    return
  }
}

/** True for `retry`, `resync` and `stop`. */
export function isRecovery(text: unknown): text is Recovery {
  return text === "retry" || text === "resync" || text === "stop"
}

/** Path of a topic's stream on a hub. */
export function streamPath(topic: string): string {
  return `/v1/topics/${encodeURIComponent(topic)}/stream`
}

/** The content type's kind, whatever its parameters; `undefined` for any other. */
export function valueKindOf(contentType: string): ValueKind | undefined {
  const essence = contentType.split(";", 1)[0]!.trim().toLowerCase()
  if (essence === "application/json") return "json"
  if (essence === "text/plain") return "text"
  if (essence === "application/octet-stream") return "binary"
  return undefined
}
