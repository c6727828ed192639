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
  const isTooLong = [413, 414, 431].includes(status)
  const own =
    status === 401
      ? "ERR_UNAUTHENTICATED"
      : status === 403
        ? "ERR_FORBIDDEN"
        : isTooLong
          ? "ERR_TOO_LARGE"
          : "ERR_SOURCE_FAILED"
  return [
    `answered ${status}${code ? `, ${code}: ${message}` : ""}`,
    status === 401 ? own : ((code ?? own) as SyncErrorCode),
    status === 204 || isTooLong ? "stop" : retry,
  ]
}
