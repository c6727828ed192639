import {
  type Change,
  ClosedError,
  type Condition,
  checkBytes,
  checkOptions,
  type Entry,
  integerRule,
  type ListPage,
  type ListRequest,
  type OptionRules,
  type Revision,
  type Source,
  SourceError,
  Waiters,
  type WatchEvent,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import { checkKey, checkWrite } from "../check-write.ts"
import { CommitLog } from "./commit-log.ts"
import { type StoredValue, ValueStore } from "./value-store.ts"

/** The options of a memory source. */
export interface MemoryOptions {
  /** Commits that are kept for those who watch from the past; 10,000 by default. */
  readonly history?: number
  /**
   * Bytes that the history takes in memory: keys and values, what they replaced, and 21 bytes a
   * change; 16 MiB by default, which is passed by a sixteenth at most. The newest commit is kept
   * whatever it weighs.
   */
  readonly historyBytesMax?: number
  /** The first entries, written at revision 1. */
  readonly entries?: Iterable<readonly [string, Uint8Array]>
}

/** An entry that is there now. */
interface MemoryEntry {
  readonly key: string
  readonly revision: Revision
  readonly value: StoredValue
}

/** An entry of a list: one that is there now, or as it was before a commit. */
type Listed = MemoryEntry | Entry

const HISTORY_COMMITS = 10_000
const HISTORY_BYTES_MAX = 16 << 20
const PAGE_ENTRIES = 1_000
const BATCH_COMMITS = 100

const OPTIONS: OptionRules<MemoryOptions> = {
  history: integerRule(0),
  historyBytesMax: integerRule(0),
  entries: {
    allowed: "an iterable of keys and values",
    test: (value) => typeof (value as Iterable<unknown>)?.[Symbol.iterator] === "function",
  },
}

/** Makes a `MemorySource`. */
export function memorySource(options?: MemoryOptions): MemorySource {
  return new MemorySource(options)
}

/**
 * An ordered store in memory. Forgets everything with the process, and so has a random identity.
 *
 * Revisions begin at 1, which is the state that it was made with. Values are copied, in and out.
 *
 * Memory: a value takes its bytes and a fifth more, an entry some 150 bytes beside its key and
 * value, the history `historyBytesMax`. A list is of the state when it was asked for, and holds
 * that state while it is read: O(entries).
 */
export class MemorySource implements Source {
  readonly name = "memory:"
  readonly #identity = `memory/${crypto.randomUUID()}`
  readonly #entries = new Map<string, MemoryEntry>()
  readonly #values = new ValueStore()
  readonly #historyCommits: number
  readonly #log: CommitLog
  readonly #grew = new Waiters()
  #open = 0
  #closed = false

  /** @throws {OptionError} an option is unknown, or makes no sense. */
  constructor(options: MemoryOptions = {}) {
    checkOptions("memorySource", options, OPTIONS)
    this.#historyCommits = options.history ?? HISTORY_COMMITS
    this.#log = new CommitLog(2, options.historyBytesMax ?? HISTORY_BYTES_MAX)
    for (const [key, value] of options.entries ?? []) {
      checkKey(key)
      const checked = checkBytes(value, `the value of ${JSON.stringify(key)}`)
      this.#put(key, checked, 1)
    }
  }

  /** Lists and watches that are being read. */
  get open(): number {
    return this.#open
  }

  async identity(signal: AbortSignal): Promise<string> {
    this.#assertOpen(signal)
    return this.#identity
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    this.#assertOpen(signal)
    return this.#revision
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    this.#assertOpen(signal)
    const revision = request.at ?? this.#revision
    if (request.atLeast !== undefined && request.atLeast > revision) {
      throw new SourceError(
        `revision ${request.atLeast} is not here yet; the source is at ${revision}`,
      )
    }
    const entries = this.#stateAt(revision)
    this.#open += 1
    this.#values.pin()
    try {
      let start = 0
      do {
        const page = entries.slice(start, start + PAGE_ENTRIES)
        yield { revision, entries: page.map((entry) => this.#read(entry)), invalid: [] }
        this.#assertOpen(signal)
        start += PAGE_ENTRIES
      } while (start < entries.length)
    } finally {
      this.#values.unpin()
      this.#open -= 1
    }
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#assertOpen(signal)
    this.#open += 1
    try {
      let next = from
      let told = 0
      for (;;) {
        if (next < this.#log.oldest) {
          yield { type: "lost", reason: "compacted" }
          return
        }
        const count = Math.min(BATCH_COMMITS, Math.max(0, this.#log.next - next))
        const from = next
        const commits = Array.from({ length: count }, (_, at) => this.#log.commitAt(from + at))
        const last = commits.at(-1)
        if (last !== undefined) {
          yield { type: "commits", commits }
          told = last.revision
          next = told + 1
        } else if (next === this.#revision + 1 && told < this.#revision) {
          told = this.#revision
          yield { type: "progress", revision: told }
        } else {
          await this.#grew.wait(signal)
        }
        this.#assertOpen(signal)
      }
    } finally {
      this.#open -= 1
    }
  }

  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteOutcome> {
    this.#assertOpen(signal)
    const checked = checkWrite(request)
    const failed = checked.conditions.filter((condition) => !this.#holds(condition))
    if (failed.length > 0) {
      const revisions = failed.map(({ key }) => ({ key, revision: this.#revisionOf(key) }))
      return { written: false, failed: revisions }
    }
    const changes = checked.changes.filter(({ op, key }) => op === "put" || this.#entries.has(key))
    if (changes.length > 0) this.#commit(changes)
    return { written: true, revision: this.#revision }
  }

  /** Forgets the history up to `revision`, which must be reached; up to the present by default. */
  compact(revision: Revision = this.#revision): void {
    this.#log.forget(revision + 1)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#grew.wake()
  }

  get #revision(): Revision {
    return this.#log.next - 1
  }

  #commit(changes: readonly Change[]): void {
    const revision = this.#log.next
    const before = changes.map(({ key }) => this.#entries.get(key))
    this.#log.append(
      changes.map((change, index) => {
        const held = before[index]
        const valueBefore = held === undefined ? EMPTY : viewOf(held.value)
        return { change, revisionBefore: held?.revision ?? 0, valueBefore }
      }),
    )
    for (const change of changes) {
      if (change.op === "put") this.#put(change.key, change.value, revision)
      else this.#entries.delete(change.key)
    }
    for (const held of before) if (held !== undefined) this.#values.remove(held.value)
    this.#log.forget(this.#log.next - this.#historyCommits)
    this.#grew.wake()
  }

  #put(key: string, value: Uint8Array, revision: Revision): void {
    this.#entries.set(key, { key, revision, value: this.#values.add(value) })
  }

  // The past is the present with the commits since undone, the newest first.
  #stateAt(revision: Revision): Listed[] {
    if (revision < this.#log.oldest - 1 || revision > this.#revision) {
      throw new SourceError(`revision ${revision} is not kept; this is ${this.#revision}`)
    }
    const entries = new Map<string, Listed>(this.#entries)
    for (let undone = this.#revision; undone > revision; undone--) {
      for (const { change, revisionBefore, valueBefore } of this.#log.read(undone)) {
        const { key } = change
        if (revisionBefore === 0) entries.delete(key)
        else entries.set(key, { key, value: valueBefore, revision: revisionBefore })
      }
    }
    return [...entries.values()]
  }

  #read({ key, revision, value }: Listed): Entry {
    const bytes = value instanceof Uint8Array ? value : this.#values.read(value)
    return { key, value: bytes, revision }
  }

  #holds(condition: Condition): boolean {
    const revision = this.#revisionOf(condition.key)
    return "exists" in condition ? revision > 0 : revision === condition.revision
  }

  #revisionOf(key: string): Revision {
    return this.#entries.get(key)?.revision ?? 0
  }

  #assertOpen(signal: AbortSignal): void {
    signal.throwIfAborted()
    if (this.#closed) throw new ClosedError("shutdown")
  }
}

const EMPTY = new Uint8Array(0)

function viewOf({ bytes, at, length }: StoredValue): Uint8Array {
  return bytes.subarray(at, at + length)
}
