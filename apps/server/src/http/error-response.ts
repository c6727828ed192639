import { isSyncError, type SyncErrorCode } from "@headwater/core"
import { encodeErrorBody, httpStatusOf } from "@headwater/protocol"
import { RequestError } from "../errors.ts"
import type { Log } from "../log.ts"
import { jsonTextResponse } from "./json-response.ts"

/** Codes that a client may be told. The others stay in the process. */
const STATUS_OF_INTERNAL: readonly SyncErrorCode[] = [
  "ERR_ENGINE",
  "ERR_FRAME",
  "ERR_CLOSED",
  "ERR_OPTION_INVALID",
]

/** What to say instead of an error that is nobody's business. */
const MESSAGES: Partial<Record<SyncErrorCode, string>> = {
  ERR_SOURCE_FAILED: "the source failed or refused; nothing was written",
  ERR_OUTCOME_UNKNOWN: "the source did not answer; it may have been written: read, then try again",
}

/** How long a client waits before it tries again what the hub could not do now, in seconds. */
const RETRY_AFTER = "1"

/**
 * The answer to a request that failed: `{ "error": { code, message, retry } }`, never a stack, and
 * never the text of an error that was not made for the client.
 */
export function errorResponse(error: unknown, log: Log): Response {
  if (!isSyncError(error) || STATUS_OF_INTERNAL.includes(error.code)) {
    log("a request failed", { error })
    return answer("ERR_INTERNAL", "the hub failed; its log says why")
  }
  const { code, message } = error
  if (code === "ERR_SOURCE_FAILED") log("a write failed", { message })
  const { headers = {}, facts = {} } = error instanceof RequestError ? error : {}
  return answer(code, MESSAGES[code] ?? message, headers, facts)
}

function answer(
  code: SyncErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
  facts: Readonly<Record<string, unknown>> = {},
): Response {
  const status = httpStatusOf(code)
  const retryAfter = (status === 503 || status === 429) && { "retry-after": RETRY_AFTER }
  const body = encodeErrorBody(code, message, facts)
  return jsonTextResponse(body, { status, headers: { ...retryAfter, ...headers } })
}
