import { SourceError } from "@headwater/core"
import type { Database, SqliteEngine } from "./engine/database.ts"
import { failureOf, quietly } from "./failure.ts"
import { logOf } from "./file-guard.ts"

/** "Head": who looks at the file with `file` or sqlite's shell sees whose it is. */
export const APPLICATION = 0x48656164
/** The version of the tables. */
export const FORMAT = 2

/** The holder of a file that was copied by `copySqliteFile`: no inode. */
export const BACKUP = "backup"

/**
 * state      one row: who this is, the present revision, and the newest that is forgotten; and
 *            while a process has it open, the inode that it has, which a copy does not have
 * commits    when each kept commit was, and the bytes that all commits up to it have written
 * items      every put and delete that is current or kept. A put ends at the revision that replaced
 *            it, a delete at its own; the state at R is what began at or before R and ends after it
 */
const TABLES = `
  create table state (
    id integer primary key check (id = 1),
    epoch text not null,
    revision integer not null,
    compacted integer not null,
    holder text
  );
  create table commits (
    revision integer primary key,
    at integer not null,
    written integer not null
  );
  create table items (
    revision integer not null,
    place integer not null,
    gone integer not null,
    ended integer,
    key blob not null,
    value blob,
    primary key (revision, place)
  );
  create unique index items_current on items (key) where ended is null;
  create index items_ended on items (ended) where ended is not null;
`

/** A file that was opened. */
export interface Opening {
  readonly database: Database
  /** A line for the operator: the file is the copy of one that was in use. */
  readonly warning: string | undefined
}

/**
 * Opens a file of ours, or makes one of an absent or empty file. Blocks while it is locked.
 *
 * The log is written ahead (WAL), so readers and a writer of any process do not wait for each
 * other; `synchronous = full` has each commit on the disk before it is answered, so that it
 * outlives the process and the power.
 *
 * A copy of a file that was in use may lack what was written last, and its original goes on: so it
 * gets an epoch of its own.
 *
 * @param busyMs how long to wait for another process's lock.
 * @throws {SourceError} one line that says what is wrong with the file. It is left as it is.
 */
export function openFile(engine: SqliteEngine, path: string, busyMs: number): Opening {
  let database: Database | undefined
  try {
    engine.prepare(path)
    assertNotEmptied(engine, path)
    database = engine.open(path)
    database.exec(`pragma busy_timeout = ${busyMs}`)
    const mark = numberOf(database, "pragma application_id")
    const tables = numberOf(database, "select count(*) from sqlite_master")
    if (mark !== APPLICATION && tables > 0) {
      throw new SourceError(`${path} is another program's database`)
    }
    database.exec("pragma journal_mode = wal")
    database.exec("pragma synchronous = full")
    create(database)
    const format = numberOf(database, "pragma user_version")
    if (format !== FORMAT) {
      throw new SourceError(`${path} has format ${format}, and this version reads ${FORMAT}`)
    }
    const warning = hold(database, path, inodeOf(engine, path))
    // So that the file alone, without its log, says whose it is and that it is in use.
    database.all("pragma wal_checkpoint(passive)")
    database.exec("pragma busy_timeout = 0")
    return { database, warning }
  } catch (error) {
    closeQuietly(database)
    if (error instanceof SourceError) throw error
    throw new SourceError(reasonOf(path, error), { cause: error })
  }
}

// Whether it is there already is asked under the lock: two processes may begin at once.
function create(database: Database): void {
  database.exec("begin immediate")
  try {
    if (numberOf(database, "pragma application_id") !== APPLICATION) {
      database.exec(TABLES)
      const epoch = crypto.randomUUID()
      database.run("insert into state values (1, ?, 1, 1, null)", epoch)
      database.exec(`pragma application_id = ${APPLICATION}; pragma user_version = ${FORMAT}`)
    }
    database.exec("commit")
  } catch (error) {
    quietly(() => database.exec("rollback"))
    throw error
  }
}

// A database without a page has no log of its own: the engine would throw it away unread.
function assertNotEmptied(engine: SqliteEngine, path: string): void {
  if (engine.sizeOf(path) !== 0 || (engine.sizeOf(logOf(path)) ?? 0) === 0) return
  throw new SourceError(
    `${path} is empty, but ${logOf(path)} is not: the file was truncated. Put a backup in its ` +
      "place, or delete both to begin anew",
  )
}

/** The inode of the file at a path, as text: a copy has another one, a renamed file the same. */
export function inodeOf(engine: SqliteEngine, path: string): string {
  return engine.markOf(path)?.split(".")[1] ?? ""
}

function hold(database: Database, path: string, inode: string): string | undefined {
  const state = () => database.all("select holder, revision from state")[0]
  const holder = () => state()?.holder as string | null | undefined
  const isCopy = () => ![null, undefined, inode].includes(holder())
  let warning: string | undefined
  database.exec("begin immediate")
  try {
    if (isCopy()) {
      const entries = numberOf(database, "select count(*) from items where ended is null")
      const at = `at revision ${state()?.revision} with ${entries} entries`
      const begins = `It begins a new epoch, ${at}`
      warning =
        holder() === BACKUP
          ? `${path} is a backup. ${begins}`
          : `${path} is a copy of a file that was in use. ${begins}; later writes, and those ` +
            "that were only in the original's -wal file, are missing. Copy by headwater backup, " +
            "or with the hub stopped"
      database.run("update state set epoch = ?", crypto.randomUUID())
    }
    database.run("update state set holder = ?", inode)
    database.exec("commit")
    return warning
  } catch (error) {
    quietly(() => database.exec("rollback"))
    throw error
  }
}

/**
 * Leaves a file so that it is whole without its log, and may be copied. Another process that has it
 * open too says so again with its next write.
 */
export function leave(database: Database): void {
  database.exec("update state set holder = null")
  database.all("pragma wal_checkpoint(truncate)")
}

function reasonOf(path: string, error: unknown): string {
  switch (failureOf(error)) {
    case "busy":
      return `${path} is locked by another process`
    case "full":
      return `there is no room on the disk for ${path}`
    case "file":
      return `${path} is damaged, or no sqlite database`
    default:
      return `${path} cannot be opened: ${messageOf(error)}`
  }
}

/** The first line of what an engine says. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? ""
}

function numberOf(database: Database, sql: string): number {
  const row = database.all(sql)[0]
  return Number(row === undefined ? 0 : Object.values(row)[0])
}

function closeQuietly(database: Database | undefined): void {
  try {
    database?.close()
  } catch {
    // The failure that led here is the one to tell.
  }
}
