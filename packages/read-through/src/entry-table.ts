import {
  assert,
  type CacheRequest,
  type Clock,
  ClosedError,
  type GuardedObserver,
  type RateLimit,
  Waiters,
} from "@headwater/core"
import { CacheEntry, type CacheEntryContext } from "./cache-entry.ts"
import { ExpiryHeap } from "./expiry-heap.ts"
import type { ReadThroughLimits } from "./limits.ts"
import type { FetchOutcome, ReadThroughObserver } from "./observer.ts"
import type { EvictFilter } from "./options.ts"
import { ReadThroughError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"
import { type Bucket, giveBack, take } from "./token-bucket.ts"

/**
 * The entries of a cache: found by type, partition, token and key; counted, bounded, and dropped.
 *
 * An entry that is used neither expires nor makes room. The order of the table is that of last use.
 *
 * Decision: docs/decisions/read-through.md, “A read-through entry with a waiting caller”.
 */
export class EntryTable {
  readonly #entries = new Map<string, CacheEntry>()
  readonly #heap = new ExpiryHeap<CacheEntry>()
  readonly #fetching = new Set<CacheEntry>()
  readonly #ended = new Waiters()
  readonly #clock: Clock
  readonly #guard: GuardedObserver<ReadThroughObserver> | undefined
  readonly #context: CacheEntryContext
  #limits: ReadThroughLimits
  #total: Bucket
  #bytes = 0
  /** The entry with the newest value. */
  #newest: CacheEntry | undefined
  #stopTimer = () => {}
  /** The time at which the timer fires, `elapsed` ms. It is moved only to an earlier time. */
  #timerAt = Number.POSITIVE_INFINITY
  #isClosed = false

  constructor(
    clock: Clock,
    random: () => number,
    limits: ReadThroughLimits,
    guard: GuardedObserver<ReadThroughObserver> | undefined,
  ) {
    this.#clock = clock
    this.#limits = limits
    this.#guard = guard
    this.#total = { tokens: limits.totalRate.burst, at: clock.elapsed() }
    this.#context = {
      clock,
      random,
      reserve: (entry) => this.#reserve(entry),
      refund: (entry) => this.#refund(entry),
      onKeep: (entry) => this.#keep(entry),
      onUnused: (entry) => this.#unused(entry),
      onFetch: (entry) => this.#fetching.add(entry),
      onFetched: (entry, outcome) => this.#fetched(entry, outcome),
    }
  }

  get size(): number {
    return this.#entries.size
  }

  /**
   * Returns the entry of a request, made if there is none. That is a use of it.
   *
   * @throws {ClosedError} there is none, and the table is closed.
   * @throws {ReadThroughError} there is no room.
   */
  open<Value>(type: RegisteredType<Value>, request: CacheRequest): CacheEntry<Value> {
    const { key, partition, token } = request
    const id = JSON.stringify([type.name, partition, token, key])
    const found = this.#entries.get(id)
    if (found) {
      this.#entries.delete(id)
      this.#entries.set(id, found)
      if (found.expiring) this.#heap.extend(found.expiring, this.#clock.elapsed() + type.ttlMs)
      return found as unknown as CacheEntry<Value>
    }
    if (this.#isClosed) throw new ClosedError("shutdown")
    this.#guard?.assertOutside()
    this.#makeRoom()
    const { burst } = type.rateLimit ?? this.#limits.entryRate
    const bucket = { tokens: burst, at: this.#clock.elapsed() }
    const entry = new CacheEntry(id, type, request, bucket, this.#context)
    entry.bytes = 2 * id.length
    this.#bytes += entry.bytes
    this.#entries.set(id, entry as unknown as CacheEntry)
    this.#tellSize()
    return entry
  }

  /** Drops the entries that match, and returns their number. O(entries). */
  evict(filter: EvictFilter): number {
    this.#guard?.assertOutside()
    const fits = ({ type, request }: CacheEntry) =>
      (filter.type === undefined || filter.type === type.name) &&
      (filter.partition === undefined || filter.partition === request.partition) &&
      (filter.token === undefined || filter.token === request.token) &&
      (filter.key === undefined || filter.key === request.key)
    const dropped = [...this.#entries.values()].filter(fits)
    for (const entry of dropped) this.#drop(entry, "asked")
    return dropped.length
  }

  /** Changes the rates, also for reads that wait for them. Returns whether they differ. */
  reload(entryRate: RateLimit, totalRate: RateLimit): boolean {
    this.#guard?.assertOutside()
    const before = this.#limits
    const isSame = (a: RateLimit, b: RateLimit) =>
      a.perSecond === b.perSecond && a.burst === b.burst
    if (isSame(before.entryRate, entryRate) && isSame(before.totalRate, totalRate)) return false
    this.#limits = { ...before, entryRate, totalRate }
    for (const entry of this.#entries.values()) entry.throttleAgain()
    return true
  }

  /** Ends reads without a use. From then on no entry is made, and no read begins. */
  close(): void {
    this.#guard?.assertOutside()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stopTimer()
    for (const entry of this.#entries.values()) {
      entry.dispatch({ type: "close", isWaited: entry.isUsed })
    }
  }

  /** Resolves once no read is in flight. Then closes the states of types. */
  async quiet(): Promise<void> {
    while (this.#fetching.size > 0) await this.#ended.wait()
    for (const entry of this.#entries.values()) entry.release()
  }

  /** Asserts what must hold between two calls: see `ReadThroughCache.assertInvariants`. */
  assertInvariants(): void {
    const entries = [...this.#entries.values()]
    const sum = (of: (entry: CacheEntry) => number) => entries.reduce((n, each) => n + of(each), 0)
    const { entriesMax, bytesMax } = this.#limits
    assert(entries.length <= entriesMax, "the table is within its bound")
    assert(this.#bytes === sum(({ bytes }) => bytes), "the bytes of the table are its entries'")
    const canDrop = entries.some((each) => each !== this.#newest && !each.isUsed)
    assert(this.#bytes <= bytesMax || !canDrop, "only the newest and used entries exceed the bound")
    for (const [id, entry] of this.#entries) {
      assert(entry.id === id && entry.state.phase !== "gone", "the table holds no dropped entry")
      const isFetching = entry.state.phase === "fetching"
      assert(this.#fetching.has(entry) === isFetching, "reads in flight are known")
      entry.assertInvariants()
    }
    const isEntry = (each: CacheEntry) => this.#entries.get(each.id) === each
    assert(this.#newest === undefined || isEntry(this.#newest), "the newest value is in the table")
    assert([...this.#fetching].every(isEntry), "a dropped entry has no read in flight")
    const expiring = sum((entry) => (entry.expiring ? 1 : 0))
    assert(this.#heap.size === expiring, "the heap is of entries that expire")
    const nextAt = this.#heap.first?.at ?? Number.POSITIVE_INFINITY
    assert(this.#isClosed || this.#timerAt <= nextAt, "the timer fires in time")
    this.#heap.assertInvariants()
  }

  #fetched(entry: CacheEntry, outcome: FetchOutcome | undefined): void {
    this.#fetching.delete(entry)
    this.#ended.wake()
    if (outcome === undefined) return
    this.#expireLater(entry)
    this.#observer?.onFetch?.(entry.type.name, outcome)
  }

  get #observer(): ReadThroughObserver | undefined {
    return this.#guard?.tells
  }

  // An entry that was used until now may be the one that there is no room for.
  #unused(entry: CacheEntry): void {
    if (this.#isClosed) entry.dispatch({ type: "close", isWaited: false })
    else this.#fit()
  }

  #reserve(entry: CacheEntry): number {
    const now = this.#clock.elapsed()
    const own = take(entry.bucket, this.#rateOf(entry), now)
    const total = take(this.#total, this.#limits.totalRate, now)
    entry.bucket = own.bucket
    this.#total = total.bucket
    return Math.max(own.delayMs, total.delayMs)
  }

  #refund(entry: CacheEntry): void {
    entry.bucket = giveBack(entry.bucket, this.#rateOf(entry))
    this.#total = giveBack(this.#total, this.#limits.totalRate)
  }

  #rateOf({ type }: CacheEntry): RateLimit {
    return type.rateLimit ?? this.#limits.entryRate
  }

  #keep(entry: CacheEntry): void {
    const { id, state } = entry
    const bytes = 2 * id.length + (state.current?.bytes ?? 0)
    this.#bytes += bytes - entry.bytes
    entry.bytes = bytes
    this.#newest = entry
    this.#expireLater(entry)
    this.#fit()
    this.#tellSize()
  }

  // Drops the least recently used entries until the rest fits. The newest value always stays.
  #fit(): void {
    let left = this.#entries.size
    for (const entry of this.#entries.values()) {
      if (this.#bytes <= this.#limits.bytesMax || left-- === 0) return
      if (entry !== this.#newest && !entry.isUsed) this.#drop(entry, "bound")
    }
  }

  // An entry without a value expires, too: its first read has ended.
  #expireLater(entry: CacheEntry): void {
    if (entry.expiring || this.#isClosed || this.#entries.get(entry.id) !== entry) return
    entry.expiring = this.#heap.add(entry, this.#clock.elapsed() + entry.type.ttlMs)
    this.#setTimer()
  }

  #makeRoom(): void {
    const { entriesMax } = this.#limits
    if (this.#entries.size < entriesMax) return
    let left = this.#entries.size
    for (const [id, entry] of this.#entries) {
      if (left-- === 0) break
      if (!entry.isUsed) {
        this.#drop(entry, "bound")
        return
      }
      // It is in use, so it is not the least recently used.
      this.#entries.delete(id)
      this.#entries.set(id, entry)
    }
    throw new ReadThroughError(
      `all of ${entriesMax} entries are waited for: raise entriesMax, or try again later`,
      "ERR_TOO_MANY",
    )
  }

  #setTimer(): void {
    const at = this.#heap.first?.at ?? Number.POSITIVE_INFINITY
    if (at >= this.#timerAt) return
    this.#stopTimer()
    this.#timerAt = at
    this.#stopTimer = this.#clock.after(Math.max(0, at - this.#clock.elapsed()), () =>
      this.#expire(),
    )
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#clock.elapsed()
    for (let next = this.#heap.first; next && next.at <= now; next = this.#heap.first) {
      const entry = next.value
      // A waiting caller uses it all the time.
      if (entry.isUsed) this.#heap.extend(next, now + entry.type.ttlMs)
      else this.#drop(entry, "expired")
    }
    this.#setTimer()
  }

  #drop(entry: CacheEntry, why: "expired" | "bound" | "asked"): void {
    this.#entries.delete(entry.id)
    this.#bytes -= entry.bytes
    if (this.#newest === entry) this.#newest = undefined
    if (entry.expiring) this.#heap.remove(entry.expiring)
    entry.dispatch({ type: "remove" })
    this.#observer?.onEvict?.(entry.type.name, why)
    this.#tellSize()
  }

  #tellSize(): void {
    this.#observer?.onSize?.({ entries: this.#entries.size, bytes: this.#bytes })
  }
}
