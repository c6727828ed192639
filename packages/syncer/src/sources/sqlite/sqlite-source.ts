import {
  type Clock,
  ClosedError,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  type ListPage,
  type ListRequest,
  type OptionRules,
  type Revision,
  required,
  type Source,
  SourceError,
  textRule,
  Waiters,
  type WatchEvent,
  type WriteOutcome,
  type WriteRequest,
  withDefaults,
} from "@headwater/core"
import { engine } from "#sqlite"
import { clockRule } from "../../check-options.ts"
import { checkWrite } from "../check-write.ts"
import { writeGroup } from "./commit-group.ts"
import { quietly } from "./failure.ts"
import { compactTo, type HistoryBounds } from "./history.ts"
import { type ItemPlace, ItemReader, LOCKED_MAX_MS } from "./item-reader.ts"
import { KeptFile, type OpenedFile, ReplacedError } from "./kept-file.ts"
import { OutsideChanges } from "./outside-changes.ts"
import { inodeOf, messageOf } from "./schema.ts"
import { WriteQueue } from "./write-queue.ts"

/** The options of a sqlite source: its file, and the bounds of its history. */
export interface SqliteOptions extends Partial<HistoryBounds> {
  /** The file; it and the folders above it are made where they are absent. */
  readonly path: string
  /** The largest size of the file; a write beyond it is refused. No bound by default. */
  readonly fileBytesMax?: number
  /** Told what an operator should know of the file: that it is the copy of one that was in use. */
  readonly warn?: (line: string) => void
  readonly clock: Clock
}

const HISTORY: HistoryBounds = {
  historyCommitsMax: 50_000,
  historyBytesMax: 256 << 20,
  historyAgeMaxMs: 24 * 3_600_000,
}

const OPTIONS: OptionRules<SqliteOptions> = {
  path: required(textRule),
  clock: required(clockRule()),
  fileBytesMax: integerRule(1),
  warn: functionRule,
  historyCommitsMax: integerRule(0),
  historyBytesMax: integerRule(0),
  historyAgeMaxMs: durationRule(),
}

/**
 * Opens a `SqliteSource`, waiting up to three seconds where the file is locked.
 *
 * @throws {SourceError} one line that says why it cannot be opened.
 */
export function sqliteSource(options: SqliteOptions): SqliteSource {
  return new SqliteSource(options)
}

/**
 * An ordered store in a sqlite file. A write that was answered is on the disk.
 *
 * Revisions begin at 1, the empty state. The file says who it is, so a copy of it is the same
 * source: do not write both. Reads block for some microseconds, writes for a flush of the disk.
 *
 * Another file at the path, or none, is another source: the watches end as `replaced`, and until
 * a caller has asked for its identity, writes are refused.
 */
export class SqliteSource implements Source {
  readonly name: string
  /** The absolute path of the file. */
  readonly path: string
  readonly #clock: Clock
  readonly #file: KeptFile
  readonly #queue: WriteQueue
  readonly #outside: OutsideChanges
  readonly #grew = new Waiters()
  readonly #lists = new Set<{ readonly revision: Revision }>()
  readonly #closing = new AbortController()
  /** The file whose identity was reported: callers mean to write to that one. */
  #reported: OpenedFile
  /** Counts wakes, so that one between a look at the file and the wait is not missed. */
  #changes = 0
  #dataVersion = -1

  constructor(options: SqliteOptions) {
    const { clock, fileBytesMax, warn } = options
    checkOptions("sqliteSource", options, OPTIONS)
    const bounds = withDefaults(HISTORY, options)
    this.path = engine.resolve(options.path)
    this.name = `sqlite:${this.path}`
    this.#clock = clock
    this.#file = new KeptFile({ engine, clock, path: this.path, bytesMax: fileBytesMax, warn })
    this.#outside = new OutsideChanges(clock, () => this.#look())
    this.#reported = this.#file.use()
    let { database } = this.#reported
    this.#queue = new WriteQueue({
      name: this.name,
      clock,
      lockedMaxMs: LOCKED_MAX_MS,
      begin: () => {
        database = this.#reportedFile().database
        database.exec("begin immediate")
      },
      write: (requests) => {
        const holder = inodeOf(engine, this.path)
        const context = { ...bounds, now: clock.now(), pinned: this.#pinned(), holder }
        return writeGroup(database, requests, context)
      },
      commit: () => {
        database.exec("commit")
        this.#wake()
        // What went into a file that is no longer whole is not answered as written.
        this.#file.assertWhole(this.#reported)
      },
      rollback: () => database.exec("rollback"),
    })
  }

  /** Lists and watches that are being read. */
  get open(): number {
    return this.#outside.watchers + this.#lists.size
  }

  async identity(signal: AbortSignal): Promise<string> {
    this.#assertOpen(signal)
    const file = this.#file.use()
    const epoch = await this.#readerOf(file).epoch(signal)
    this.#reported = file
    return `sqlite/${epoch}`
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    return (await this.#reader(signal).state(signal)).revision
  }

  async oldest(signal: AbortSignal): Promise<Revision> {
    return (await this.#reader(signal).state(signal)).compacted
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    const reader = this.#reader(signal)
    const present = (await reader.state(signal)).revision
    const revision = request.at ?? present
    const wanted = Math.max(revision, request.atLeast ?? 0)
    if (wanted > present) {
      throw new SourceError(
        `${this.name}: revision ${wanted} is not here yet; the source is at ${present}`,
      )
    }
    const pin = { revision }
    this.#lists.add(pin)
    try {
      let after: ItemPlace = [0, 0]
      for (;;) {
        const { entries, last } = await reader.page(after, revision, signal)
        const { compacted } = await reader.state(signal)
        if (compacted > revision) {
          throw new SourceError(`${this.name}: revision ${revision} is no longer kept`)
        }
        if (entries.length > 0 || after[0] === 0) yield { revision, entries, invalid: [] }
        if (last === undefined) return
        after = last
      }
    } finally {
      this.#lists.delete(pin)
    }
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#assertOpen(signal)
    const file = this.#file.use()
    const reader = this.#readerOf(file)
    const end = this.#outside.watch()
    try {
      let next = from
      let sent = 0
      for (;;) {
        if (!this.#file.isCurrent(file)) return yield { type: "lost", reason: "replaced" }
        const changes = this.#changes
        const commits = await reader.commitsFrom(next, signal)
        const { revision, compacted } = await reader.state(signal)
        // Asked after they were read: had anything been forgotten before that, it would say so.
        if (next <= compacted) return yield { type: "lost", reason: "compacted" }
        const last = commits.at(-1)
        if (last !== undefined) {
          yield { type: "commits", commits }
          sent = last.revision
          next = sent + 1
        } else if (next === revision + 1 && sent < revision) {
          sent = revision
          yield { type: "progress", revision }
        } else if (next > revision && changes === this.#changes) {
          await this.#grew.wait(signal)
        }
        this.#assertOpen(signal)
      }
    } catch (error) {
      if (!(error instanceof ReplacedError)) throw error
      yield { type: "lost", reason: "replaced" }
    } finally {
      end()
    }
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteOutcome> {
    this.#assertOpen(signal)
    return this.#queue.write(checkWrite(request), signal)
  }

  /** Forgets the history up to `revision`; up to the present by default. */
  async compact(revision?: Revision): Promise<void> {
    const file = this.#file.use()
    const { revision: present, compacted } = await this.#readerOf(file).state(this.#closing.signal)
    const until = Math.min(revision ?? present, present, this.#pinned())
    if (until <= compacted) return
    file.database.exec("begin immediate")
    try {
      compactTo(file.database, until)
      file.database.exec("commit")
    } catch (error) {
      quietly(() => file.database.exec("rollback"))
      throw new SourceError(`${this.name}: ${messageOf(error)}`, { cause: error })
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new ClosedError("shutdown"))
    this.#outside.close()
    this.#grew.wake()
    await this.#queue.close()
    this.#file.close()
  }

  #reader(signal: AbortSignal): ItemReader {
    this.#assertOpen(signal)
    return this.#readerOf(this.#file.use())
  }

  #readerOf(file: OpenedFile): ItemReader {
    const assertOpen = () => {
      this.#closing.signal.throwIfAborted()
      if (!this.#file.isCurrent(file)) throw new ReplacedError(this.path)
    }
    return new ItemReader({ name: this.name, clock: this.#clock, ...file, assertOpen })
  }

  #reportedFile(): OpenedFile {
    if (this.#file.use() === this.#reported) return this.#reported
    this.#wake()
    throw new ReplacedError(this.path)
  }

  #wake(): void {
    this.#changes += 1
    this.#grew.wake()
  }

  #pinned(): Revision {
    return Math.min(Number.MAX_SAFE_INTEGER, ...[...this.#lists].map(({ revision }) => revision))
  }

  // Another process's commit moves this connection's number; our own wake the watches themselves.
  // A file that cannot be read now is a change too: the waiting watch then reads, and gets the
  // error.
  #look(): void {
    let version = -1
    try {
      version = Number(this.#file.use().database.all("pragma data_version")[0]?.data_version)
    } catch {
      // The woken watch gets the error.
    }
    if (version !== this.#dataVersion || version < 0) this.#wake()
    this.#dataVersion = version
  }

  #assertOpen(signal: AbortSignal): void {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
  }
}
