import { statusKeyOf } from "@headwater/cache"
import type { CatchUpCursor } from "../fan-out/catch-up-cursor.ts"
import type { FanOut } from "../fan-out/fan-out.ts"
import { partReport } from "../fan-out/part-report.ts"
import type { Present } from "./reader-state.ts"

/**
 * Returns the hub as a reader may see it now.
 *
 * @param of.isPartial the reader may see a part of the topic only.
 * @param of.isDue its connection was silent for a heartbeat.
 */
export function presentOf(
  cursor: CatchUpCursor,
  { clock, limits }: FanOut,
  of: { readonly isPartial: boolean | undefined; readonly isDue: boolean },
): Present {
  const report = of.isPartial ? partReport(cursor.report) : cursor.report
  const { heartbeatMs, syncIntervalMs } = limits
  return {
    report,
    statusKey: statusKeyOf(report),
    now: clock.elapsed(),
    revision: cursor.revision,
    isDue: of.isDue,
    heartbeatMs,
    syncIntervalMs,
  }
}
