import { SourceError } from "@headwater/core"
import type { Database, SqliteEngine } from "./engine/database.ts"
import { failureOf } from "./failure.ts"

/** "Head": who looks at the file with `file` or sqlite's shell sees whose it is. */
const APPLICATION = 0x48656164
const FORMAT = 1

/** Only while a file is opened, when there is nothing else to do: writes wait without blocking. */
const OPEN_BUSY_MS = 3_000

/**
 * state      one row: who this is, the present revision, and the newest that is forgotten
 * commits    when each kept commit was, and the bytes that all commits up to it have written
 * items      every put and delete that is current or kept. A put ends at the revision that replaced
 *            it, a delete at its own; the state at R is what began at or before R and ends after it
 */
const TABLES = `
  create table state (
    id integer primary key check (id = 1),
    epoch text not null,
    revision integer not null,
    compacted integer not null
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

/**
 * Opens a file of ours, or makes one of an absent or empty file. Blocks while it is locked.
 *
 * The log is written ahead (WAL), so readers and a writer of any process do not wait for each
 * other; `synchronous = full` has each commit on the disk before it is answered, so that it
 * outlives the process and the power.
 *
 * @throws {SourceError} one line that says what is wrong with the file. It is left as it is.
 */
export function openFile(engine: SqliteEngine, path: string): Database {
  let database: Database | undefined
  try {
    database = engine.open(path)
    database.exec(`pragma busy_timeout = ${OPEN_BUSY_MS}`)
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
    numberOf(database, "select revision from state")
    database.exec("pragma busy_timeout = 0")
    return database
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
      database.run("insert into state values (1, ?, 1, 1)", epoch)
      database.exec(`pragma application_id = ${APPLICATION}; pragma user_version = ${FORMAT}`)
    }
    database.exec("commit")
  } catch (error) {
    database.exec("rollback")
    throw error
  }
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
