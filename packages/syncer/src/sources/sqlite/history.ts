import type { Revision } from "@headwater/core"
import type { Database, SqlRow } from "./engine/database.ts"

/** The bounds of the history that watches start from. The first that is reached applies. */
export interface HistoryBounds {
  readonly historyCommitsMax: number
  readonly historyBytesMax: number
  readonly historyAgeMaxMs: number
}

/** Commits that one transaction forgets at most, so that none of them is long. */
const COMPACT_COMMITS_MAX = 500

const OLDEST =
  "select revision, at, written from commits where revision > ? order by revision limit ?"

/**
 * The revision up to which the past is to be forgotten now; never the newest commit. Mostly as many
 * commits as were just written, so no write pays for many others.
 */
export function overdue(
  database: Database,
  state: { readonly revision: Revision; readonly written: number; readonly compacted: Revision },
  bounds: HistoryBounds & { readonly now: number; readonly pinned: Revision },
): Revision {
  const { compacted, revision, written } = state
  const isOver = (row: SqlRow): boolean =>
    revision - Number(row.revision) >= bounds.historyCommitsMax ||
    written - Number(row.written) >= bounds.historyBytesMax ||
    bounds.now - Number(row.at) >= bounds.historyAgeMaxMs
  const [oldest] = database.all(OLDEST, compacted, 1)
  if (oldest === undefined || !isOver(oldest)) return compacted

  const candidates = database.all(OLDEST, compacted, COMPACT_COMMITS_MAX)
  const kept = candidates.findIndex((row) => !isOver(row))
  const until = Number((kept < 0 ? candidates.at(-1) : candidates[kept - 1])?.revision ?? compacted)
  return Math.max(compacted, Math.min(until, revision - 1, bounds.pinned))
}

/** Deletes, inside the open transaction, items that no revision from `revision` on contains. */
export function compactTo(database: Database, revision: Revision): void {
  database.run("delete from items where ended <= ?", revision)
  // The newest commit's row stays: it says how much was ever written.
  database.run(
    "delete from commits where revision <= ? and revision < (select revision from state)",
    revision,
  )
  database.run("update state set compacted = ?", revision)
}
