import {
  type CacheRequest,
  type Clock,
  ClosedError,
  type GuardedObserver,
  type RateLimit,
  Waiters,
} from "@headwater/core"
import { ExpiryHeap } from "./expiry-heap.ts"
import type { ReadThroughLimits } from "./limits.ts"
import type { FetchOutcome, ReadThroughObserver } from "./observer.ts"
import { ReadThroughError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"
import { Slot, type SlotHost } from "./slot.ts"
import { type Bucket, giveBack, take } from "./token-bucket.ts"

/** Which entries: those with all that is named. Without a name, all. */
export interface EvictFilter {
  readonly type?: string
  readonly partition?: string
  readonly token?: string
  readonly key?: string
}

/**
 * All slots of a cache: found by what names them, counted, bounded, and let go of.
 *
 * A slot that somebody waits for neither expires nor makes room. The table's order is that of last
 * use.
 */
export class SlotTable {
  readonly #slots = new Map<string, Slot>()
  readonly #heap = new ExpiryHeap<Slot>()
  readonly #fetching = new Set<Slot>()
  readonly #ended = new Waiters()
  readonly #clock: Clock
  readonly #guard: GuardedObserver<ReadThroughObserver> | undefined
  readonly #host: SlotHost
  #limits: ReadThroughLimits
  #total: Bucket
  #bytes = 0
  /** The slot whose value came last. */
  #newest: Slot | undefined
  #stopTimer = () => {}
  /** When the timer fires; it is moved only to an earlier time, and else looks again. */
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
    this.#host = {
      clock,
      random,
      reserve: (slot) => this.#reserve(slot),
      refund: (slot) => this.#refund(slot),
      onKeep: (slot) => this.#keep(slot),
      onUnused: (slot) => this.#unused(slot),
      onFetch: (slot) => this.#fetching.add(slot),
      onFetched: (slot, outcome) => this.#fetched(slot, outcome),
    }
  }

  get size(): number {
    return this.#slots.size
  }

  /**
   * The slot of a request, used now; made when there is none.
   *
   * @throws {ClosedError} there is none, and none is made any more.
   * @throws {ReadThroughError} there is no room.
   */
  open<Value>(type: RegisteredType<Value>, request: CacheRequest): Slot<Value> {
    const { key, partition, token } = request
    const id = JSON.stringify([type.name, partition, token, key])
    const found = this.#slots.get(id)
    if (found) {
      this.#slots.delete(id)
      this.#slots.set(id, found)
      if (found.expiring) this.#heap.extend(found.expiring, this.#clock.elapsed() + type.ttlMs)
      return found as unknown as Slot<Value>
    }
    if (this.#isClosed) throw new ClosedError("shutdown")
    this.#guard?.assertOutside()
    this.#makeRoom()
    const { burst } = type.rateLimit ?? this.#limits.entryRate
    const bucket = { tokens: burst, at: this.#clock.elapsed() }
    const slot = new Slot(id, type, request, bucket, this.#host)
    slot.bytes = 2 * id.length
    this.#bytes += slot.bytes
    this.#slots.set(id, slot as unknown as Slot)
    this.#tellSize()
    return slot
  }

  /** Drops what fits; returns how many there were. O(entries). */
  evict(filter: EvictFilter): number {
    this.#guard?.assertOutside()
    const fits = ({ type, request }: Slot) =>
      (filter.type === undefined || filter.type === type.name) &&
      (filter.partition === undefined || filter.partition === request.partition) &&
      (filter.token === undefined || filter.token === request.token) &&
      (filter.key === undefined || filter.key === request.key)
    const dropped = [...this.#slots.values()].filter(fits)
    for (const slot of dropped) this.#drop(slot, "asked")
    return dropped.length
  }

  /** Changes the rates, also for those who wait for them. Returns whether they were others. */
  reload(entryRate: RateLimit, totalRate: RateLimit): boolean {
    this.#guard?.assertOutside()
    const before = this.#limits
    const isSame = (a: RateLimit, b: RateLimit) =>
      a.perSecond === b.perSecond && a.burst === b.burst
    if (isSame(before.entryRate, entryRate) && isSame(before.totalRate, totalRate)) return false
    this.#limits = { ...before, entryRate, totalRate }
    for (const slot of this.#slots.values()) slot.throttleAgain()
    return true
  }

  /** Ends what nobody will hear of any more; no slot is made, and no read begun, after it. */
  close(): void {
    this.#guard?.assertOutside()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#stopTimer()
    for (const slot of this.#slots.values()) {
      slot.dispatch({ type: "close", isWaited: slot.isUsed })
    }
  }

  /** Resolves once no read is out, and what types keep may be closed: then it is. */
  async quiet(): Promise<void> {
    while (this.#fetching.size > 0) await this.#ended.wait()
    for (const slot of this.#slots.values()) slot.release()
  }

  #fetched(slot: Slot, outcome: FetchOutcome | undefined): void {
    this.#fetching.delete(slot)
    this.#ended.wake()
    if (outcome === undefined) return
    this.#expireLater(slot)
    this.#observer?.onFetch?.(slot.type.name, outcome)
  }

  get #observer(): ReadThroughObserver | undefined {
    return this.#guard?.tells
  }

  // A slot that was waited for until now may be what there is no room for.
  #unused(slot: Slot): void {
    if (this.#isClosed) slot.dispatch({ type: "close", isWaited: false })
    else this.#fit()
  }

  #reserve(slot: Slot): number {
    const now = this.#clock.elapsed()
    const own = take(slot.bucket, this.#rateOf(slot), now)
    const total = take(this.#total, this.#limits.totalRate, now)
    slot.bucket = own.bucket
    this.#total = total.bucket
    return Math.max(own.delayMs, total.delayMs)
  }

  #refund(slot: Slot): void {
    slot.bucket = giveBack(slot.bucket, this.#rateOf(slot))
    this.#total = giveBack(this.#total, this.#limits.totalRate)
  }

  #rateOf({ type }: Slot): RateLimit {
    return type.rateLimit ?? this.#limits.entryRate
  }

  #keep(slot: Slot): void {
    const { id, state } = slot
    const bytes = 2 * id.length + (state.held?.bytes ?? 0)
    this.#bytes += bytes - slot.bytes
    slot.bytes = bytes
    this.#newest = slot
    this.#expireLater(slot)
    this.#fit()
    this.#tellSize()
  }

  // Drops what was not used for longest until the rest fits. The newest value always stays.
  #fit(): void {
    let left = this.#slots.size
    for (const slot of this.#slots.values()) {
      if (this.#bytes <= this.#limits.bytesMax || left-- === 0) return
      if (slot !== this.#newest && !slot.isUsed) this.#drop(slot, "bound")
    }
  }

  // A slot that never held anything expires, too: its first read has ended.
  #expireLater(slot: Slot): void {
    if (slot.expiring || this.#isClosed || this.#slots.get(slot.id) !== slot) return
    slot.expiring = this.#heap.add(slot, this.#clock.elapsed() + slot.type.ttlMs)
    this.#setTimer()
  }

  #makeRoom(): void {
    const { entriesMax } = this.#limits
    if (this.#slots.size < entriesMax) return
    let left = this.#slots.size
    for (const [id, slot] of this.#slots) {
      if (left-- === 0) break
      if (!slot.isUsed) {
        this.#drop(slot, "bound")
        return
      }
      // It is in use, so it is not the least recently used.
      this.#slots.delete(id)
      this.#slots.set(id, slot)
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
      const slot = next.value
      // Who waits for it uses it all the time.
      if (slot.isUsed) this.#heap.extend(next, now + slot.type.ttlMs)
      else this.#drop(slot, "expired")
    }
    this.#setTimer()
  }

  #drop(slot: Slot, why: "expired" | "bound" | "asked"): void {
    this.#slots.delete(slot.id)
    this.#bytes -= slot.bytes
    if (this.#newest === slot) this.#newest = undefined
    if (slot.expiring) this.#heap.remove(slot.expiring)
    slot.dispatch({ type: "remove" })
    this.#observer?.onEvict?.(slot.type.name, why)
    this.#tellSize()
  }

  #tellSize(): void {
    this.#observer?.onSize?.({ entries: this.#slots.size, bytes: this.#bytes })
  }
}
