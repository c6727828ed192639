import {
  type Change,
  ClosedError,
  type Commit,
  type Condition,
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

/** How a memory source begins. */
export interface MemoryOptions {
  /** Commits that are kept for those who watch from the past; 10,000 by default. */
  readonly history?: number
  /**
   * Bytes of keys and values that they hold, with what they replaced; 16 MiB by default. The newest
   * commit is kept whatever it weighs.
   */
  readonly historyBytesMax?: number
  /** What is there from the start, written at revision 1. */
  readonly entries?: Iterable<readonly [string, Uint8Array]>
}

/** A commit, and what its keys held before it. */
interface Past {
  readonly commit: Commit
  readonly before: readonly (readonly [key: string, entry: Entry | undefined])[]
  readonly bytes: number
}

const HISTORY_COMMITS = 10_000
const HISTORY_BYTES_MAX = 16 << 20
/** What a change weighs beside its key and values: objects, and places in lists. */
const CHANGE_BYTES = 200
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
 * Revisions begin at 1, which is the state that it was made with. Values are kept as they are
 * given, not copied: who writes one does not change it afterwards.
 *
 * A list is of the state when it was asked for, and holds that state while it is read: O(entries).
 */
export class MemorySource implements Source {
  readonly name = "memory:"
  readonly #identity = `memory/${crypto.randomUUID()}`
  readonly #entries = new Map<string, Entry>()
  readonly #historyCommits: number
  readonly #historyBytesMax: number
  readonly #grew = new Waiters()
  #history: Past[] = []
  #historyBytes = 0
  /** The revision before the oldest commit that is kept. */
  #compacted: Revision = 1
  #revision: Revision = 1
  #open = 0
  #closed = false

  /** @throws {OptionError} an option is unknown, or makes no sense. */
  constructor(options: MemoryOptions = {}) {
    checkOptions("memorySource", options, OPTIONS)
    this.#historyCommits = options.history ?? HISTORY_COMMITS
    this.#historyBytesMax = options.historyBytesMax ?? HISTORY_BYTES_MAX
    for (const [key, value] of options.entries ?? []) {
      checkKey(key)
      this.#entries.set(key, { key, value, revision: 1 })
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
      throw new SourceError(`revision ${request.atLeast} is not here yet; this is ${revision}`)
    }
    const entries = this.#stateAt(revision)
    this.#open += 1
    try {
      let start = 0
      do {
        yield { revision, entries: entries.slice(start, start + PAGE_ENTRIES), invalid: [] }
        this.#assertOpen(signal)
        start += PAGE_ENTRIES
      } while (start < entries.length)
    } finally {
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
        if (next <= this.#compacted) {
          yield { type: "lost", reason: "compacted" }
          return
        }
        const start = next - this.#compacted - 1
        const past = this.#history.slice(start, start + BATCH_COMMITS)
        const commits = past.map(({ commit }) => commit)
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
    const forgotten = Math.min(revision, this.#revision) - this.#compacted
    if (forgotten <= 0) return
    for (const { bytes } of this.#history.slice(0, forgotten)) this.#historyBytes -= bytes
    this.#history = this.#history.slice(forgotten)
    this.#compacted += forgotten
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#grew.wake()
  }

  #commit(changes: readonly Change[]): void {
    const revision = this.#revision + 1
    const before = changes.map(({ key }) => [key, this.#entries.get(key)] as const)
    for (const change of changes) {
      const { key } = change
      if (change.op === "put") this.#entries.set(key, { key, value: change.value, revision })
      else this.#entries.delete(key)
    }
    this.#revision = revision
    const past = { commit: { revision, changes }, before, bytes: weightOf(changes, before) }
    this.#history.push(past)
    this.#historyBytes += past.bytes
    this.#forget()
    this.#grew.wake()
  }

  // In steps of a tenth, so that forgetting one does not move all the others every time.
  #forget(): void {
    const excess = this.#history.length - this.#historyCommits
    if (excess > this.#historyCommits / 10) this.compact(this.#compacted + excess)
    if (this.#historyBytes <= this.#historyBytesMax) return
    let bytes = this.#historyBytes
    let forgotten = 0
    while (bytes > this.#historyBytesMax * 0.9 && forgotten < this.#history.length - 1) {
      bytes -= this.#history[forgotten]!.bytes
      forgotten += 1
    }
    this.compact(this.#compacted + forgotten)
  }

  // The past is the present with the commits since undone, the newest first.
  #stateAt(revision: Revision): Entry[] {
    if (revision < this.#compacted || revision > this.#revision) {
      throw new SourceError(`revision ${revision} is not kept; this is ${this.#revision}`)
    }
    if (revision === this.#revision) return [...this.#entries.values()]
    const entries = new Map(this.#entries)
    for (const { before } of this.#history.slice(revision - this.#compacted).reverse()) {
      for (const [key, entry] of before) {
        if (entry === undefined) entries.delete(key)
        else entries.set(key, entry)
      }
    }
    return [...entries.values()]
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

function weightOf(changes: readonly Change[], before: Past["before"]): number {
  const put = (change: Change) => (change.op === "put" ? change.value.byteLength : 0)
  const now = changes.reduce((sum, change) => sum + put(change) + change.key.length, 0)
  const then = before.reduce((sum, [, entry]) => sum + (entry?.value.byteLength ?? 0), 0)
  return now + then + CHANGE_BYTES * changes.length
}
