import { errorResponse } from "../http/error-response.ts"
import type { Log } from "../log.ts"
import type { HubObserver } from "../observe/hub-observer.ts"

/** Hears of each connection and request that a server refuses. */
export type RefusalObserver = Pick<HubObserver, "onRefusal">

/** The answer to a request that a server refuses before the app sees it. */
export function refusal(error: unknown, log: Log, observer?: RefusalObserver): Response {
  const report = (what: string, cause: unknown) => log(`bug: ${what}`, { error: cause })
  return errorResponse(error, { log, bugs: { report }, ...(observer && { observer }) })
}
