import type { StatusReport } from "@headwater/core"

/**
 * A text that is the same for reports between which a reader need not be told anything: when the
 * source last spoke is in a report, but is no change by itself.
 */
export function statusKeyOf({ status, statusSince, code, invalid }: StatusReport): string {
  return `${status} ${statusSince} ${code ?? ""} ${invalid}`
}
