import { decodeUtf8, SourceError } from "@headwater/core"
import { engine } from "#sqlite"
import { bytesOf, type Database } from "./engine/database.ts"
import { APPLICATION, BACKUP, FORMAT, messageOf } from "./schema.ts"

/** The wait for a lock of another process, in ms. */
const BUSY_MS = 10_000

/** Rows of one step of a read. */
const PAGE_ENTRIES = 1_000

/** The state of a file at one moment. */
export interface SqliteFileState {
  readonly epoch: string
  readonly revision: number
  readonly entries: number
}

/** An entry of a file. */
export interface SqliteFileEntry {
  readonly key: string
  readonly value: Uint8Array
}

/**
 * Copies a topic's file, whole and at one revision, while other processes read and write it.
 *
 * The copy begins a new epoch when it is served: its original goes on, and one revision would else
 * mean two states.
 *
 * @throws {SourceError} there is no such file, it is another program's, or the copy is there.
 */
export function copySqliteFile(path: string, copy: string): SqliteFileState {
  if (engine.sizeOf(copy) !== undefined) {
    throw new SourceError(`${copy} is there already: name a file that is not`)
  }
  withFile(path, (database) => database.run("vacuum into ?", engine.resolve(copy)))
  return withFile(copy, (database) => {
    database.run("update state set holder = ?", BACKUP)
    return stateOf(database)
  })
}

/** The state of a topic's file. @throws {SourceError} it cannot be read. */
export function sqliteFileState(path: string): SqliteFileState {
  return withFile(path, stateOf)
}

/** The present entries of a topic's file. @throws {SourceError} it cannot be read. */
export function* sqliteFileEntries(path: string): Generator<SqliteFileEntry, void, undefined> {
  const database = open(path)
  try {
    let after = new Uint8Array()
    for (;;) {
      const rows = database.all(
        "select key, value from items where ended is null and gone = 0 and key > ? " +
          `order by key limit ${PAGE_ENTRIES}`,
        after,
      )
      for (const row of rows) {
        after = Uint8Array.from(bytesOf(row.key))
        yield { key: decodeUtf8(after), value: bytesOf(row.value) }
      }
      if (rows.length < PAGE_ENTRIES) return
    }
  } catch (error) {
    throw readable(path, error)
  } finally {
    database.close()
  }
}

function withFile<Result>(path: string, use: (database: Database) => Result): Result {
  const database = open(path)
  try {
    return use(database)
  } catch (error) {
    throw readable(path, error)
  } finally {
    database.close()
  }
}

function open(path: string): Database {
  // The engine would make a file that is absent.
  if (engine.sizeOf(path) === undefined) throw new SourceError(`there is no file ${path}`)
  let database: Database | undefined
  try {
    database = engine.open(engine.resolve(path))
    database.exec(`pragma busy_timeout = ${BUSY_MS}`)
    const [mark] = database.all("pragma application_id")
    const [format] = database.all("pragma user_version")
    const isOurs =
      Number(mark?.application_id) === APPLICATION && Number(format?.user_version) === FORMAT
    if (isOurs) return database
    throw new SourceError(`${path} is not the file of a topic`)
  } catch (error) {
    database?.close()
    throw readable(path, error)
  }
}

function stateOf(database: Database): SqliteFileState {
  const [state] = database.all("select epoch, revision from state")
  const [count] = database.all(
    "select count(*) as entries from items where ended is null and gone = 0",
  )
  return {
    epoch: String(state?.epoch),
    revision: Number(state?.revision),
    entries: Number(count?.entries),
  }
}

function readable(path: string, error: unknown): Error {
  if (error instanceof SourceError) return error
  return new SourceError(`${path} cannot be used: ${messageOf(error)}`, { cause: error })
}
