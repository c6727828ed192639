import { type Clock, ClosedError, SourceError } from "@headwater/core"
import type { Database, SqliteEngine } from "./engine/database.ts"
import { FileGuard, logOf } from "./file-guard.ts"
import { leave, openFile } from "./schema.ts"

/** Another file is at the path than the one that was meant. */
export class ReplacedError extends SourceError {
  constructor(path: string) {
    super(`another file is at ${path} now`)
  }
}

/** The file was damaged behind the engine's back. Lasts until another file is at the path. */
export class DamagedError extends SourceError {
  constructor(path: string, damage: string) {
    super(
      `${path} ${damage} while it was open, so writes would be lost and are refused. Put a ` +
        "backup in its place by one rename, or stop the hub before you restore it",
    )
  }
}

/** A connection to the file that was at the path when it was opened. */
export interface OpenedFile {
  readonly database: Database
  /** The mark of this file: another file at the path has another. */
  readonly mark: string
  readonly guard: FileGuard
}

/** Only at the start, when there is nothing else to do: later a locked file is tried again. */
const OPEN_BUSY_MS = 3_000

/**
 * A path without a file gets a new one after this time, in ms: a program that deletes the file has
 * its log to delete too, or puts another file there.
 */
const GONE_MS = 1_000

/** The options of a `KeptFile`. */
export interface KeptFileOptions {
  readonly clock: Clock
  readonly engine: SqliteEngine
  /** Absolute. */
  readonly path: string
  /** The largest size of the file; as large as the disk allows by default. */
  readonly bytesMax: number | undefined
  /** Told of a copy that was made while its original was in use. */
  readonly warn: ((line: string) => void) | undefined
}

/**
 * The file at a path, also after another file was put there.
 *
 * A process goes on reading and writing a file that was deleted, and what it writes is gone with
 * it. So the path is checked before every write, and during a watch: another file there,
 * or none, ends the connection, and the next use opens what is there, or, where there has been none
 * for a second, makes one. That is another source, which says so itself.
 *
 * Decision: docs/decisions/sources.md, “A sqlite file that was replaced”.
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
    this.#opened = this.#open(OPEN_BUSY_MS)
  }

  /**
   * The open database; opens the file at the path, if it was replaced. Cost: a look at the path.
   *
   * @throws {SourceError} the file cannot be opened, was damaged, or is gone since a moment ago.
   * @throws {ClosedError} it was closed.
   */
  use(): OpenedFile {
    if (this.#isClosed) throw new ClosedError("shutdown")
    const opened = this.#opened
    if (opened !== undefined && !this.#isReplaced(opened)) {
      this.assertWhole(opened)
      return opened
    }
    if (opened !== undefined) this.#abandon(opened)
    this.#waitWhileGone()
    this.#opened = this.#open(0)
    return this.#opened
  }

  /**
   * True when this is still the open database, and the file at the path.
   *
   * @throws {DamagedError} it is, and was damaged.
   */
  isCurrent(opened: OpenedFile): boolean {
    if (this.#opened !== opened || this.#isReplaced(opened)) return false
    this.assertWhole(opened)
    return true
  }

  /** @throws {DamagedError} the file was truncated, overwritten, or lost its log. */
  assertWhole({ guard }: OpenedFile): void {
    const damage = guard.damage()
    if (damage !== undefined) throw new DamagedError(this.#options.path, damage)
  }

  /** Closes it. Twice is harmless. */
  close(): void {
    this.#isClosed = true
    const opened = this.#opened
    this.#opened = undefined
    if (opened === undefined) return
    if (this.#isReplaced(opened)) {
      this.#abandon(opened)
      return
    }
    // Closing would write what is left of the log into a file that lacks the rest.
    if (opened.guard.damage() !== undefined) {
      this.#abandoned.push(opened)
      return
    }
    try {
      leave(opened.database)
    } catch {
      // Another process writes, or the disk is full: the log stays, and holds what was written.
    }
    opened.database.close()
    opened.guard.close()
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

  #open(busyMs: number): OpenedFile {
    const { engine, path, bytesMax, warn } = this.#options
    const { database, warning } = openFile(engine, path, busyMs)
    const mark = engine.markOf(path)
    if (bytesMax !== undefined) {
      const pageBytes = Number(database.all("pragma page_size")[0]?.page_size)
      database.exec(`pragma max_page_count = ${Math.max(1, Math.floor(bytesMax / pageBytes))}`)
    }
    if (mark === undefined) {
      database.close()
      throw new SourceError(`${path} was taken away while it was opened`)
    }
    if (warning !== undefined) warn?.(warning)
    return { database, mark, guard: new FileGuard(engine, path, database) }
  }

  // Closing deletes the log by its name, also when it is another file's by now, whose commits would
  // be gone with it. So a connection to a file that was replaced is kept for ever, and what is left
  // of its log, which would be read as the other file's, is cleared away here.
  #abandon(opened: OpenedFile): void {
    const { engine, path } = this.#options
    this.#opened = undefined
    this.#abandoned.push(opened)
    if (engine.markOf(logOf(path)) !== opened.guard.logMark) return
    try {
      opened.database.exec("pragma wal_checkpoint(truncate)")
    } catch {
      // It only saves the file that was taken away what stands in the log.
    }
    engine.remove(logOf(path))
    engine.remove(`${path}-shm`)
  }
}
