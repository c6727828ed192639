import {
  type Change,
  type Clock,
  type Commit,
  type Entry,
  type Revision,
  SourceError,
} from "@headwater/core"
import { bytesOf, type Database, type SqlRow } from "./engine/database.ts"
import { failureOf } from "./failure.ts"
import { messageOf } from "./schema.ts"

/** The longest wait for a lock, and the pause between two tries, in ms. */
export const LOCKED_MAX_MS = 5_000
const LOCKED_RETRY_MS = 5

const PAGE_ENTRIES = 1_000
const BATCH_ITEMS = 500
/** Of keys and values: a page or a batch ends before the one that passes it. */
const BATCH_BYTES = 1 << 20

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** The end of a page of a list: the last item's revision, and its place in that commit. */
export type ItemPlace = readonly [revision: Revision, place: number]

/** The parts of a source that an `ItemReader` uses. */
export interface ItemReaderContext {
  /** Of the source, for errors. */
  readonly name: string
  readonly clock: Clock
  readonly database: Database
  /** Throws when the source was closed, or its file is another one now. */
  assertOpen(): void
}

/**
 * Reads the tables of one open file, in pages and batches that are a few ms of work each. A lock is
 * waited for without blocking: with a log that is written ahead, a reader meets one only while
 * another process repairs the file.
 */
export class ItemReader {
  readonly #context: ItemReaderContext

  constructor(context: ItemReaderContext) {
    this.#context = context
  }

  /** Reads the epoch of the file. */
  async epoch(signal: AbortSignal): Promise<string> {
    const [row] = await this.#read(signal, "select epoch from state")
    return String(row?.epoch)
  }

  /** The present revision, and the newest that is forgotten. */
  async state(signal: AbortSignal): Promise<{ revision: Revision; compacted: Revision }> {
    const [row] = await this.#read(signal, "select revision, compacted from state")
    return { revision: Number(row?.revision), compacted: Number(row?.compacted) }
  }

  /** Entries as of a revision, from a place on; and the place where they end, if there are any. */
  async page(
    after: ItemPlace,
    revision: Revision,
    signal: AbortSignal,
  ): Promise<{ entries: Entry[]; last: ItemPlace | undefined }> {
    // Sizes first: they cost no read of the values.
    const sizes = await this.#read(signal, LIST_SIZES, revision, revision, ...after)
    const end = placeOf(sizes[Math.max(0, fitting(sizes) - 1)])
    if (end === undefined) return { entries: [], last: undefined }
    const rows = await this.#read(signal, LIST, revision, revision, ...after, ...end)
    const entries = rows.map((row) => ({
      key: utf8.decode(bytesOf(row.key)),
      value: bytesOf(row.value),
      revision: Number(row.revision),
    }))
    return { entries, last: placeOf(rows.at(-1)) }
  }

  /**
   * Commits from a revision on. Each is whole: one that is cut is left for the next batch, unless
   * it is the first.
   */
  async commitsFrom(from: Revision, signal: AbortSignal): Promise<Commit[]> {
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

  async #read(signal: AbortSignal, sql: string, ...values: number[]): Promise<SqlRow[]> {
    const { clock, database, name } = this.#context
    const began = clock.elapsed()
    for (;;) {
      signal.throwIfAborted()
      this.#context.assertOpen()
      try {
        return database.all(sql, ...values)
      } catch (error) {
        const isBusy = failureOf(error) === "busy"
        if (!isBusy || clock.elapsed() - began > LOCKED_MAX_MS) {
          throw new SourceError(`${name}: ${messageOf(error)}`, { cause: error })
        }
      }
      await clock.sleep(LOCKED_RETRY_MS, signal)
    }
  }
}

function placeOf(row: SqlRow | undefined): ItemPlace | undefined {
  return row && [Number(row.revision), Number(row.place)]
}

/** The number of rows within the bound of bytes. */
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
