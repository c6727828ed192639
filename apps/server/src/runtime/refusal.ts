import { errorResponse } from "../http/error-response.ts"
import type { Log } from "../log.ts"

/** The answer to a request that a server refuses before the app sees it. */
export function refusal(error: unknown, log: Log): Response {
  const report = (what: string, cause: unknown) => log(`bug: ${what}`, { error: cause })
  return errorResponse(error, { log, bugs: { report } })
}
