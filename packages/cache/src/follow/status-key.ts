import type { StatusReport } from "@headwater/core"

/**
 * A text that two reports share when a reader that has the one needs not be sent the other. The
 * time of the last contact is in a report, but is no change by itself.
 */
export function statusKeyOf({ status, statusSince, code, invalid }: StatusReport): string {
  return `${status} ${statusSince} ${code ?? ""} ${invalid}`
}
