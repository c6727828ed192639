import type { Status, StatusReport } from "@headwater/core"

/**
 * The status of several sources that stand side by side, as the topics of a hub do: the worst of
 * them, since when, and the oldest of their last words.
 *
 *   in-sync      all are
 *   waiting      all are, or there is none: nothing can be served yet
 *   stale        one is, whatever the others are: `code` is that of the one that is longest
 *   resyncing    else: some are not there yet
 *
 * `lastContact` is that of the source with the longest silence, 0 when one has never answered;
 * `invalid` is the sum. Equal reports make an equal status, so a caller can compare two of them.
 *
 * Source: Typha's watchersyncer, with `stale`.
 */
export function aggregateStatus(reports: readonly StatusReport[]): StatusReport {
  const status = worstOf(reports.map((report) => report.status))
  const causes = reports
    .filter((report) => status !== "resyncing" || report.status !== "in-sync")
    .filter((report) => status !== "stale" || report.status === "stale")
  const first = causes.reduce<StatusReport | undefined>(
    (oldest, report) => (oldest && oldest.statusSince <= report.statusSince ? oldest : report),
    undefined,
  )
  // In sync since the last of them was; anything else since the first of them was.
  const sinces = causes.map(({ statusSince }) => statusSince)
  const statusSince = status === "in-sync" ? Math.max(...sinces) : (first?.statusSince ?? 0)
  const aggregate = {
    status,
    statusSince,
    lastContact: reports.length === 0 ? 0 : Math.min(...reports.map((one) => one.lastContact)),
    invalid: reports.reduce((sum, { invalid = 0 }) => sum + invalid, 0),
  }
  return first?.code === undefined ? aggregate : { ...aggregate, code: first.code }
}

function worstOf(statuses: readonly Status[]): Status {
  if (statuses.includes("stale")) return "stale"
  if (statuses.every((status) => status === "waiting")) return "waiting"
  return statuses.every((status) => status === "in-sync") ? "in-sync" : "resyncing"
}
