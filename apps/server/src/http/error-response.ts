import { isSyncError, type SyncErrorCode } from "@headwater/core"
import { encodeErrorBody, httpStatusOf } from "@headwater/protocol"
import type { Bugs } from "../bugs.ts"
import { RequestError, UnauthenticatedError } from "../errors.ts"
import type { Log } from "../log.ts"
import type { HubObserver } from "../observe/hub-observer.ts"
import { jsonTextResponse } from "./json-response.ts"

/** Codes that stay in the process: in an answer they would be bugs of the hub. */
const INTERNAL_CODES: readonly SyncErrorCode[] = [
  "ERR_OPTION_INVALID",
  "ERR_COMPACTED",
  "ERR_LAGGED",
  "ERR_CLOSED",
  "ERR_FRAME",
  "ERR_ENGINE",
  "ERR_IMAGE",
]

/** Messages in place of a source's own, which may name its addresses. */
const MESSAGES: Partial<Record<SyncErrorCode, string>> = {
  ERR_SOURCE_FAILED: "the source failed or refused; nothing was written",
  ERR_OUTCOME_UNKNOWN:
    "the source did not answer; the write may have happened: read, then try again",
}

/** The reports of errors that are not the client's. */
export interface ErrorContext {
  readonly log: Log
  readonly bugs: Pick<Bugs, "report">
  readonly observer?: Pick<HubObserver, "onRefusal">
}

/** The seconds that a client waits before it repeats a request that the hub cannot answer now. */
const RETRY_AFTER = "1"

/**
 * Answers a request that failed: `{ "error": { code, message, retry } }`, without a stack, and
 * without the text of any error that was not made for the client.
 */
export function errorResponse(error: unknown, { log, bugs, observer }: ErrorContext): Response {
  const refused = (code: SyncErrorCode) => observer?.onRefusal?.({ at: "request", code })
  if (!isSyncError(error) || INTERNAL_CODES.includes(error.code)) {
    bugs.report("a request failed", error)
    refused("ERR_INTERNAL")
    return answer(
      "ERR_INTERNAL",
      "this request met a bug of the hub; the hub's log has the details",
    )
  }
  const { code, message } = error
  refused(code)
  if (code === "ERR_SOURCE_FAILED") log("the source failed a write", { message }, "warn")
  const { headers = {}, facts = {} } =
    error instanceof UnauthenticatedError
      ? { headers: { "www-authenticate": error.challenge } }
      : error instanceof RequestError
        ? error
        : {}
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
  return jsonTextResponse(encodeErrorBody(code, message, facts), {
    status,
    headers: { ...retryAfter, ...headers },
  })
}
