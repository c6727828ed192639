import { type Clock, ClosedError, SourceError } from "@headwater/core"
import type { Database, SqliteEngine } from "./engine/database.ts"
import { openFile } from "./schema.ts"

/** Another file is at the path than the one that was meant. */
export class ReplacedError extends SourceError {
  constructor(path: string) {
    super(`another file is at ${path} now`)
  }
}

/** A connection to the file that was at the path when it was opened. */
export interface OpenedFile {
  readonly database: Database
  /** What tells this file from another one at the path. */
  readonly mark: string
  /** The same of its log, which lies beside it. */
  readonly logMark: string | undefined
}

/**
 * How long there may be no file at the path before a new one is made, in ms: whoever deletes it has
 * its log to delete too, or another file to put there.
 */
const GONE_MS = 1_000

/** How a file is kept. */
export interface KeptFileOptions {
  readonly clock: Clock
  readonly engine: SqliteEngine
  /** Absolute. */
  readonly path: string
  /** How large it may grow; as large as there is room when it does not say. */
  readonly bytesMax: number | undefined
}

/**
 * The file at a path, also when somebody puts another one there.
 *
 * A process goes on reading and writing a file that was deleted, and what it writes is gone with
 * it. So the path is looked at before every write, and while somebody watches: another file there,
 * or none, ends the connection, and the next use opens what is there, or, where there has been none
 * for a second, makes one. That is another source, which says so itself.
 */
export class KeptFile {
  readonly #options: KeptFileOptions
  #opened: OpenedFile | undefined
  /** Connections that must not be closed: see `#abandon`. One for each time it was replaced. */
  readonly #abandoned: OpenedFile[] = []
  #isClosed = false
  /** When it was found to be gone, on the clock that never goes back. */
  #goneAt: number | undefined

  /** @throws {SourceError} one line that says why it cannot be opened. */
  constructor(options: KeptFileOptions) {
    this.#options = options
    this.#opened = this.#open()
  }

  /**
   * What is open now; opens what is there, where the file was replaced. Cost: a look at the path.
   *
   * @throws {SourceError} what is there cannot be opened, or it is gone since a moment ago.
   * @throws {ClosedError} it was closed.
   */
  use(): OpenedFile {
    if (this.#isClosed) throw new ClosedError("shutdown")
    if (this.#opened !== undefined && !this.#isReplaced(this.#opened)) return this.#opened
    if (this.#opened !== undefined) this.#abandon(this.#opened)
    this.#waitWhileGone()
    this.#opened = this.#open()
    return this.#opened
  }

  /** Whether this is still what is open, and the file at the path. */
  isCurrent(opened: OpenedFile): boolean {
    return this.#opened === opened && !this.#isReplaced(opened)
  }

  /** Closes it. Twice is harmless. */
  close(): void {
    this.#isClosed = true
    const opened = this.#opened
    if (opened !== undefined && this.#isReplaced(opened)) this.#abandon(opened)
    else opened?.database.close()
    this.#opened = undefined
  }

  #waitWhileGone(): void {
    const { clock, engine, path } = this.#options
    if (engine.markOf(path) === undefined) {
      this.#goneAt ??= clock.elapsed()
      if (clock.elapsed() - this.#goneAt < GONE_MS) throw new SourceError(`${path} is gone`)
    }
    this.#goneAt = undefined
  }

  #isReplaced({ mark }: OpenedFile): boolean {
    return this.#options.engine.markOf(this.#options.path) !== mark
  }

  #open(): OpenedFile {
    const { engine, path, bytesMax } = this.#options
    const database = openFile(engine, path)
    const mark = engine.markOf(path)
    if (bytesMax !== undefined) {
      const pageBytes = Number(database.all("pragma page_size")[0]?.page_size)
      database.exec(`pragma max_page_count = ${Math.max(1, Math.floor(bytesMax / pageBytes))}`)
    }
    if (mark === undefined) {
      database.close()
      throw new SourceError(`${path} was taken away while it was opened`)
    }
    return { database, mark, logMark: engine.markOf(logOf(path)) }
  }

  // Closing deletes the log by its name, also when it is another file's by now, whose commits would
  // be gone with it. So a connection to a file that was replaced is kept for ever, and what is left
  // of its log, which would be read as the other file's, is cleared away here.
  #abandon(opened: OpenedFile): void {
    const { engine, path } = this.#options
    this.#opened = undefined
    this.#abandoned.push(opened)
    if (engine.markOf(logOf(path)) !== opened.logMark) return
    try {
      opened.database.exec("pragma wal_checkpoint(truncate)")
    } catch {
      // It only saves the file that was taken away what stands in the log.
    }
    engine.remove(logOf(path))
    engine.remove(`${path}-shm`)
  }
}

function logOf(path: string): string {
  return `${path}-wal`
}
