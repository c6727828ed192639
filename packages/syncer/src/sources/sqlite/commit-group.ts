import type { Condition, Revision, WriteOutcome, WriteRequest } from "@headwater/core"
import type { Database } from "./engine/database.ts"
import { compactTo, type HistoryBounds, overdue } from "./history.ts"

/** The inputs of a transaction beside its writes. */
export interface GroupContext extends HistoryBounds {
  /** Milliseconds since 1970. */
  readonly now: number
  /** A list is being read as of this revision: history is kept from there on. */
  readonly pinned: Revision
  /** See `inodeOf`: another process that closed the file said that it is not in use. */
  readonly holder: string
}

const utf8 = new TextEncoder()

/** Nearly what a change takes in the file beside its key and value: two rows, an index. */
const ROW_BYTES = 60

/**
 * Does all writes inside the open transaction, one after the other, each at a revision of its own,
 * and forgets what is overdue. The answers hold once the transaction is committed.
 *
 * One transaction for all who wait costs one flush of the disk for all of them.
 */
export function writeGroup(
  database: Database,
  requests: readonly WriteRequest[],
  context: GroupContext,
): WriteOutcome[] {
  const state = database.all("select revision, compacted from state")[0]!
  const began = Number(state.revision)
  const last = database.all("select written from commits where revision = ?", began)[0]
  const reached = { revision: began, written: Number(last?.written ?? 0) }
  const outcomes = requests.map((request) => writeOne(database, request, reached, context.now))
  if (reached.revision > began) {
    database.run("update state set revision = ?, holder = ?", reached.revision, context.holder)
    const compacted = Number(state.compacted)
    const until = overdue(database, { ...reached, compacted }, context)
    if (until > compacted) compactTo(database, until)
  }
  return outcomes
}

function writeOne(
  database: Database,
  { conditions, changes }: WriteRequest,
  reached: { revision: Revision; written: number },
  now: number,
): WriteOutcome {
  const failed = conditions
    .map((condition) => ({ condition, revision: currentOf(database, utf8.encode(condition.key)) }))
    .filter(({ condition, revision }) => !holds(condition, revision))
    .map(({ condition, revision }) => ({ key: condition.key, revision }))
  if (failed.length > 0) return { written: false, failed }

  const revision = reached.revision + 1
  let place = 0
  for (const change of changes) {
    const key = utf8.encode(change.key)
    const current = currentOf(database, key)
    if (change.op === "delete" && current === 0) continue
    if (current > 0) {
      database.run("update items set ended = ? where key = ? and ended is null", revision, key)
    }
    const [gone, ended, value] = change.op === "put" ? [0, null, change.value] : [1, revision, null]
    database.run(
      "insert into items (revision, place, gone, ended, key, value) values (?, ?, ?, ?, ?, ?)",
      revision,
      place,
      gone,
      ended,
      key,
      value,
    )
    reached.written += ROW_BYTES + key.byteLength + (value?.byteLength ?? 0)
    place += 1
  }
  if (place > 0) {
    const { written } = reached
    database.run("insert into commits values (?, ?, ?)", revision, now, written)
    reached.revision = revision
  }
  return { written: true, revision: reached.revision }
}

function currentOf(database: Database, key: Uint8Array): Revision {
  const row = database.all("select revision from items where key = ? and ended is null", key)[0]
  return Number(row?.revision ?? 0)
}

function holds(condition: Condition, revision: Revision): boolean {
  return "exists" in condition ? revision > 0 : revision === condition.revision
}
