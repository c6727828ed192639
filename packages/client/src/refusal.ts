import type { Recovery, SyncErrorCode } from "@headwater/core"
import { decodeErrorBody } from "@headwater/protocol"

/**
 * Reads an answer other than the one asked for: a message for people, a code, and the recovery.
 *
 * The error body of a hub decides. A request that is too long stays too long, whichever server
 * refuses it. Any other answer without a hub's body is an intermediary's, and may pass.
 */
export function refusalOf(status: number, text: string): [string, SyncErrorCode, Recovery] {
  const { code, message, retry = "retry" } = decodeErrorBody(text) ?? {}
  const own = CODES[status]
  return [
    `answered ${status}${code ? `, ${code}: ${message}` : ""}`,
    status === 401 ? own! : ((code ?? own ?? "ERR_SOURCE_FAILED") as SyncErrorCode),
    status === 204 || own === "ERR_TOO_LARGE" ? "stop" : retry,
  ]
}

const CODES: Readonly<Record<number, SyncErrorCode>> = {
  401: "ERR_UNAUTHENTICATED",
  403: "ERR_FORBIDDEN",
  413: "ERR_TOO_LARGE",
  414: "ERR_TOO_LARGE",
  431: "ERR_TOO_LARGE",
}
