import type { StatusReport } from "@headwater/core"

/** Returns a report for readers that may see a part of the topic: without totals of the whole. */
export function partReport(report: StatusReport): StatusReport {
  const { invalid, ...shown } = report
  return shown
}
