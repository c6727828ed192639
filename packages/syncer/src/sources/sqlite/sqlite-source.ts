import {
  type Change,
  type Clock,
  ClosedError,
  type Commit,
  type ListPage,
  type ListRequest,
  type Revision,
  type Source,
  SourceError,
  Waiters,
  type WatchEvent,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import { engine } from "#sqlite"
import { assertKey } from "../assert-key.ts"
import { writeGroup } from "./commit-group.ts"
import { bytesOf, type Database, type SqlRow } from "./engine/database.ts"
import { failureOf } from "./failure.ts"
import { compactTo, type HistoryBounds } from "./history.ts"
import { messageOf, openFile } from "./schema.ts"
import { WriteQueue } from "./write-queue.ts"

/** Where a sqlite source keeps its entries, and how much of its past. */
export interface SqliteOptions extends Partial<HistoryBounds> {
  /** The file; it and the folders above it are made where they are absent. */
  readonly path: string
  readonly clock: Clock
}

const HISTORY: HistoryBounds = {
  historyCommitsMax: 50_000,
  historyBytesMax: 256 << 20,
  historyAgeMaxMs: 24 * 3_600_000,
}

/** How soon a write of another process is seen. A look costs some microseconds. */
const POLL_MS = 50
const LOCKED_MAX_MS = 5_000
const LOCKED_RETRY_MS = 5
const PAGE_ENTRIES = 1_000
const BATCH_ITEMS = 500
/** Of keys and values: a page or a batch ends before the one that passes it. */
const BATCH_BYTES = 1 << 20

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

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
 */
export class SqliteSource implements Source {
  readonly name: string
  /** The absolute path of the file. */
  readonly path: string
  readonly #clock: Clock
  readonly #database: Database
  readonly #queue: WriteQueue
  readonly #grew = new Waiters()
  readonly #lists = new Set<{ readonly revision: Revision }>()
  readonly #closing = new AbortController()
  #watches = 0
  /** Counts wakes, so that one between a look at the file and the wait is not missed. */
  #changes = 0
  #dataVersion = -1
  #stopPolling: (() => void) | undefined

  constructor(options: SqliteOptions) {
    const { clock } = options
    const bounds = { ...HISTORY, ...options }
    this.path = engine.resolve(options.path)
    this.name = `sqlite:${this.path}`
    this.#clock = clock
    const database = openFile(engine, this.path)
    this.#database = database
    this.#queue = new WriteQueue({
      name: this.name,
      clock,
      lockedMaxMs: LOCKED_MAX_MS,
      begin: () => database.exec("begin immediate"),
      write: (requests) =>
        writeGroup(database, requests, { ...bounds, now: clock.now(), pinned: this.#pinned() }),
      commit: () => {
        database.exec("commit")
        this.#wake()
      },
      rollback: () => database.exec("rollback"),
    })
  }

  /** Lists and watches that are being read. */
  get open(): number {
    return this.#watches + this.#lists.size
  }

  async identity(signal: AbortSignal): Promise<string> {
    const [row] = await this.#read(signal, "select epoch from state")
    return `sqlite/${row?.epoch}`
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    return (await this.#state(signal)).revision
  }

  async oldest(signal: AbortSignal): Promise<Revision> {
    return (await this.#state(signal)).compacted
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    const present = (await this.#state(signal)).revision
    const revision = request.at ?? present
    const wanted = Math.max(revision, request.atLeast ?? 0)
    if (wanted > present) {
      throw new SourceError(`${this.name}: revision ${wanted} is not here yet; this is ${present}`)
    }
    const pin = { revision }
    this.#lists.add(pin)
    try {
      let after: readonly [Revision, number] = [0, 0]
      for (;;) {
        const rows = await this.#pageAfter(after, revision, signal)
        const { compacted } = await this.#state(signal)
        if (compacted > revision) {
          throw new SourceError(`${this.name}: revision ${revision} is no longer kept`)
        }
        const entries = rows.map((row) => ({
          key: utf8.decode(bytesOf(row.key)),
          value: bytesOf(row.value),
          revision: Number(row.revision),
        }))
        if (rows.length > 0 || after[0] === 0) yield { revision, entries, invalid: [] }
        const last = rows.at(-1)
        if (last === undefined) return
        after = [Number(last.revision), Number(last.place)]
      }
    } finally {
      this.#lists.delete(pin)
    }
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#assertOpen(signal)
    this.#watches += 1
    this.#poll()
    try {
      let next = from
      let told = 0
      for (;;) {
        const changes = this.#changes
        const commits = await this.#commitsFrom(next, signal)
        const { revision, compacted } = await this.#state(signal)
        // Asked after they were read: had anything been forgotten before that, it would say so.
        if (next <= compacted) {
          yield { type: "lost", reason: "compacted" }
          return
        }
        const last = commits.at(-1)
        if (last !== undefined) {
          yield { type: "commits", commits }
          told = last.revision
          next = told + 1
        } else if (next === revision + 1 && told < revision) {
          told = revision
          yield { type: "progress", revision }
        } else if (next > revision && changes === this.#changes) {
          await this.#grew.wait(signal)
        }
        this.#assertOpen(signal)
      }
    } finally {
      this.#watches -= 1
      if (this.#watches === 0) this.#endPolling()
    }
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteOutcome> {
    this.#assertOpen(signal)
    for (const { key } of request.changes) assertKey(key)
    return this.#queue.write(request, signal)
  }

  /** Forgets the history up to `revision`; up to the present by default. */
  async compact(revision?: Revision): Promise<void> {
    const { revision: present, compacted } = await this.#state(this.#closing.signal)
    const until = Math.min(revision ?? present, present, this.#pinned())
    if (until <= compacted) return
    this.#database.exec("begin immediate")
    try {
      compactTo(this.#database, until)
      this.#database.exec("commit")
    } catch (error) {
      this.#database.exec("rollback")
      throw new SourceError(`${this.name}: ${messageOf(error)}`, { cause: error })
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort(new ClosedError("shutdown"))
    this.#endPolling()
    this.#grew.wake()
    await this.#queue.close()
    this.#database.close()
  }

  #wake(): void {
    this.#changes += 1
    this.#grew.wake()
  }

  #pinned(): Revision {
    return Math.min(Number.MAX_SAFE_INTEGER, ...[...this.#lists].map(({ revision }) => revision))
  }

  async #state(signal: AbortSignal): Promise<{ revision: Revision; compacted: Revision }> {
    const [row] = await this.#read(signal, "select revision, compacted from state")
    return { revision: Number(row?.revision), compacted: Number(row?.compacted) }
  }

  // Sizes first: they cost no read of the values.
  async #pageAfter(
    after: readonly [Revision, number],
    revision: Revision,
    signal: AbortSignal,
  ): Promise<SqlRow[]> {
    const sizes = await this.#read(signal, LIST_SIZES, revision, revision, ...after)
    const last = sizes[Math.max(0, fitting(sizes) - 1)]
    if (last === undefined) return []
    const until = [Number(last.revision), Number(last.place)] as const
    return this.#read(signal, LIST, revision, revision, ...after, ...until)
  }

  // A commit is told whole: one that is cut is left for the next batch, unless it is the first.
  async #commitsFrom(from: Revision, signal: AbortSignal): Promise<Commit[]> {
    const sizes = await this.#read(signal, WATCH_SIZES, from)
    const first = sizes[0]?.revision
    if (first === undefined) return []
    const fit = fitting(sizes)
    const isCut = fit < sizes.length || sizes.length === BATCH_ITEMS
    const cut = Number((sizes[fit] ?? sizes.at(-1))?.revision)
    const until = Math.max(Number(first), isCut ? cut - 1 : cut)
    const rows = await this.#read(signal, WATCH, from, until)
    const commits = new Map<Revision, Change[]>()
    for (const row of rows) {
      const revision = Number(row.revision)
      const changes = commits.get(revision) ?? []
      commits.set(revision, changes)
      const key = utf8.decode(bytesOf(row.key))
      if (row.gone === 1) changes.push({ op: "delete", key })
      else changes.push({ op: "put", key, value: bytesOf(row.value) })
    }
    return [...commits].map(([revision, changes]) => ({ revision, changes }))
  }

  // A reader of a written-ahead log meets a lock only while another process repairs the file.
  async #read(signal: AbortSignal, sql: string, ...values: number[]) {
    const began = this.#clock.elapsed()
    for (;;) {
      this.#assertOpen(signal)
      try {
        return this.#database.all(sql, ...values)
      } catch (error) {
        const isBusy = failureOf(error) === "busy"
        if (!isBusy || this.#clock.elapsed() - began > LOCKED_MAX_MS) {
          throw new SourceError(`${this.name}: ${messageOf(error)}`, { cause: error })
        }
      }
      await this.#clock.sleep(LOCKED_RETRY_MS, signal)
    }
  }

  // Another process's commit moves this connection's number; our own wake the watches themselves.
  #poll(): void {
    if (this.#stopPolling !== undefined || this.#closing.signal.aborted) return
    this.#stopPolling = this.#clock.after(POLL_MS, () => {
      this.#stopPolling = undefined
      if (this.#watches === 0) return
      const version = this.#dataVersionNow()
      if (version !== this.#dataVersion) this.#wake()
      this.#dataVersion = version
      this.#poll()
    })
  }

  // A file that cannot be read now is a change too: whoever waits then reads, and hears why.
  #dataVersionNow(): number {
    try {
      return Number(this.#database.all("pragma data_version")[0]?.data_version)
    } catch {
      return -1
    }
  }

  #endPolling(): void {
    this.#stopPolling?.()
    this.#stopPolling = undefined
  }

  #assertOpen(signal: AbortSignal): void {
    signal.throwIfAborted()
    this.#closing.signal.throwIfAborted()
  }
}

/** How many rows stay within the bound of bytes. */
function fitting(sizes: readonly SqlRow[]): number {
  let bytes = 0
  const over = sizes.findIndex(({ size }) => {
    bytes += Number(size)
    return bytes > BATCH_BYTES
  })
  return over < 0 ? sizes.length : over
}

const SIZES = "select revision, place, length(key) + ifnull(length(value), 0) as size from items"
const ITEMS = "select revision, place, gone, key, value from items"
const STATE_AT =
  "where revision <= ? and (ended is null or ended > ?) and (revision, place) > (?, ?)"
const IN_ORDER = "order by revision, place"
const LIST_SIZES = `${SIZES} ${STATE_AT} ${IN_ORDER} limit ${PAGE_ENTRIES}`
const LIST = `${ITEMS} ${STATE_AT} and (revision, place) <= (?, ?) ${IN_ORDER}`
const WATCH_SIZES = `${SIZES} where revision >= ? ${IN_ORDER} limit ${BATCH_ITEMS}`
const WATCH = `${ITEMS} where revision between ? and ? ${IN_ORDER}`
