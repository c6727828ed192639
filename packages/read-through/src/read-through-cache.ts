import {
  type CacheRequest,
  type CacheType,
  type Clock,
  type FetchResult,
  type Position,
  type RateLimit,
  systemClock,
} from "@headwater/core"
import { type Answer, EMPTY_META } from "./answer.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import { Closing } from "./closing.ts"
import { ageMs, type Held, isReset, satisfies, type Wish } from "./key-state.ts"
import { BYTES_MAX_DEFAULT, ENTRIES_MAX_DEFAULT, type ReadThroughLimits } from "./limits.ts"
import { followSlot, followUncached, poll } from "./notify.ts"
import type { ReadThroughObserver } from "./observer.ts"
import { Patience } from "./patience.ts"
import { FetchFailedError, ReadThroughError } from "./read-through-error.ts"
import { RegisteredType } from "./registered-type.ts"
import type { Slot } from "./slot.ts"
import { type EvictFilter, SlotTable } from "./slot-table.ts"
import { rateLimitOf } from "./token-bucket.ts"

/** What a read-through cache is made with. */
export interface ReadThroughOptions {
  /** The machine's unless a test owns time. */
  readonly clock?: Clock
  /** As `Math.random`; draws back-off and jitter. */
  readonly random?: () => number
  readonly limits?: Partial<ReadThroughLimits>
  readonly observer?: ReadThroughObserver
}

/** A type by its name, or by what `register` returned, which knows its values. */
export type TypeOf<Value, Request extends CacheRequest> = string | RegisteredType<Value, Request>

/**
 * A cache that reads through: asked for what it does not hold, it reads it, once for everybody who
 * asks, keeps it for as long as it is used, and, where the type wants it, keeps it fresh.
 *
 * Reads belong to the cache: a caller who leaves ends its own waiting and nothing else. What is
 * held is shared, and must not be changed. Source: Consul `agent/cache`.
 */
export class ReadThroughCache implements AsyncDisposable {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #observer: ReadThroughObserver | undefined
  readonly #types = new Map<string, RegisteredType<unknown>>()
  readonly #slots: SlotTable
  readonly #closing = new Closing()

  constructor(options: ReadThroughOptions = {}) {
    const { clock = systemClock, random = Math.random, limits = {}, observer } = options
    this.#clock = clock
    this.#random = random
    this.#observer = observer
    const { entriesMax = ENTRIES_MAX_DEFAULT, bytesMax = BYTES_MAX_DEFAULT } = limits
    const entryRate = rateLimitOf(limits.entryRate)
    const totalRate = rateLimitOf(limits.totalRate)
    const bounds = { entriesMax, bytesMax, entryRate, totalRate }
    this.#slots = new SlotTable(clock, random, bounds, observer)
  }

  /** How many entries there are. */
  get size(): number {
    return this.#slots.size
  }

  /**
   * Makes a type known. What it returns stands for the name, and knows the type of values.
   *
   * @throws {ReadThroughError} there is one of that name.
   */
  register<Value, Request extends CacheRequest = CacheRequest, State = unknown>(
    name: string,
    type: CacheType<Value, Request, State>,
  ): RegisteredType<Value, Request> {
    if (this.#types.has(name)) throw invalid(`type "${name}" is there already`)
    const registered = new RegisteredType(name, type as CacheType<Value, Request>)
    this.#types.set(name, registered as unknown as RegisteredType<unknown>)
    return registered
  }

  /**
   * Answers from what is held, or reads it.
   *
   * With `since`, a blocking get: answers once there is something newer. An entry whose last read
   * failed still answers who did not have to wait for it. *Closed > data > cancelled*, but what is
   * held is answered also when the cache is closed.
   *
   * @throws {ReadThroughError} no such type; too many keys are waited for.
   * @throws {FetchFailedError} it was read for this caller, and that failed.
   * @throws {ClosedError} the cache is closed, and holds nothing that would do.
   * @throws `signal.reason`
   */
  async get<Value, Request extends CacheRequest = CacheRequest>(
    type: TypeOf<Value, Request>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<Answer<Value>> {
    const registered = this.#find(type)
    if (request.key === "") return this.#bypass(registered, request, signal)
    let patience: Patience | undefined
    const wait = (slot: Slot<Value>) => {
      patience ??= new Patience(this.#clock, request.timeoutMs, signal)
      return this.#wait(slot, patience)
    }
    try {
      return await this.#answer(registered, request, wait)
    } finally {
      patience?.end()
    }
  }

  /**
   * Follows an entry: what is held now, if anything, and then every change, until the signal is
   * aborted, the loop is left, or the cache is closed.
   *
   * Who is slow holds up nobody else, and hears of the newest only. Nothing is read for an entry
   * twice because two follow it. Types that do not block are polled, and need `maxAgeMs`.
   *
   * @throws {ReadThroughError} at once: no such type, or one that cannot be followed like this.
   */
  notify<Value, Request extends CacheRequest = CacheRequest>(
    type: TypeOf<Value, Request>,
    request: Request,
    options: NotifyOptions = {},
  ): AsyncGenerator<CacheEvent<Value>, void, undefined> {
    const registered = this.#find(type)
    const { maxAgeMs = 0, key } = request
    const { blocking } = registered.rules
    if (!blocking && maxAgeMs <= 0) {
      throw invalid(`type "${registered.name}" does not block: maxAgeMs says how often to look`)
    }
    const host = {
      clock: this.#clock,
      random: this.#random,
      closing: this.#closing,
      open: () => this.#slots.open(registered, request),
      get: (signal: AbortSignal) => this.get(registered, request, signal),
      read: (since: Position | undefined, signal: AbortSignal) =>
        registered.fetch({ request, since, waitMs: 0, last: undefined }, signal),
    }
    if (!blocking) return poll(host, registered, options, maxAgeMs)
    return key === "" ? followUncached(host, options) : followSlot(host, registered, options)
  }

  /**
   * As `notify`, with a callback, which is awaited before the next call. What it throws ends it,
   * and is told to the process as an uncaught error.
   *
   * @returns what ends it; twice is harmless.
   */
  notifyCallback<Value, Request extends CacheRequest = CacheRequest>(
    type: TypeOf<Value, Request>,
    request: Request,
    callback: (event: CacheEvent<Value>) => void | Promise<void>,
    options: NotifyOptions = {},
  ): () => void {
    const stop = new AbortController()
    const { signal } = options
    const onAbort = () => stop.abort(signal?.reason)
    const events = this.notify(type, request, { ...options, signal: stop.signal })
    signal?.addEventListener("abort", onAbort)
    if (signal?.aborted) onAbort()
    const run = async () => {
      try {
        for await (const event of events) {
          await callback(event)
          if (stop.signal.aborted) break
        }
      } catch (error) {
        if (stop.signal.aborted || this.#closing.isClosed) return
        queueMicrotask(() => {
          throw error
        })
      } finally {
        signal?.removeEventListener("abort", onAbort)
      }
    }
    // oxlint-disable-next-line typescript/no-floating-promises -- `run` catches.
    run()
    return () => stop.abort()
  }

  /** Puts a value there that was come by in another way. It is read again when that is asked. */
  prepopulate<Value, Request extends CacheRequest = CacheRequest>(
    type: TypeOf<Value, Request>,
    request: Request,
    result: FetchResult<Value>,
  ): void {
    const slot = this.#slots.open(this.#find(type), request)
    slot.dispatch({ type: "fill", result, now: this.#clock.elapsed() })
  }

  /** Drops what fits. Who waits for one of them has it read anew. Returns how many there were. */
  evict(filter: EvictFilter): number {
    return this.#slots.evict(filter)
  }

  /** Changes the rate limits, also of entries that are there. Returns whether they were others. */
  reload(limits: { readonly entryRate?: RateLimit; readonly totalRate?: RateLimit }): boolean {
    return this.#slots.reload(rateLimitOf(limits.entryRate), rateLimitOf(limits.totalRate))
  }

  /**
   * Reads nothing any more. What is held is still answered; a first read that is out may finish,
   * for who waits for it; who waits for news gets a `ClosedError`. Again is harmless.
   *
   * @returns resolves once no read is out.
   */
  async close(): Promise<void> {
    this.#closing.close()
    this.#slots.close()
    await this.#slots.quiet()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #find<Value, Request extends CacheRequest>(type: TypeOf<Value, Request>): RegisteredType<Value> {
    const name = typeof type === "string" ? type : type.name
    const found = this.#types.get(name)
    if (found === undefined) throw invalid(`there is no type "${name}"`)
    return found as unknown as RegisteredType<Value>
  }

  // The loop of a get. `wait` ends with the next read, and tells whether the time is over instead.
  async #answer<Value>(
    type: RegisteredType<Value>,
    request: CacheRequest,
    wait: (slot: Slot<Value>) => Promise<"read" | "late">,
  ): Promise<Answer<Value>> {
    const { rules } = type
    let wish: Wish = request
    let before: Held<Value> | undefined
    for (let hit = true; ; hit = false) {
      const slot = this.#slots.open(type, request)
      const { state } = slot
      const { held, error } = state
      // Who waits while upstream begins anew has its news, however small the revision.
      if (before && held && isReset(before.position, held.position)) {
        wish = { ...wish, since: undefined }
      }
      const now = this.#clock.elapsed()
      const meta = { hit, ageMs: ageMs(state, rules, now), position: held?.position }
      if (satisfies(state, rules, wish, now)) {
        if (hit) this.#observer?.onHit?.(type.name)
        return { value: held?.value, meta }
      }
      if (!hit && error) throw new FetchFailedError(error, held?.value, meta)
      if (hit) this.#observer?.onMiss?.(type.name, wish.since?.revision ? "block" : "new")
      if ((await wait(slot)) === "late") {
        const age = ageMs(state, rules, this.#clock.elapsed())
        return { value: held?.value, meta: { ...meta, hit: false, ageMs: age } }
      }
      // One read since it asked is revalidation enough.
      wish = { ...wish, mustRevalidate: false }
      before = held
    }
  }

  // Makes sure that a read comes, and waits for its end.
  async #wait(slot: Slot, patience: Patience): Promise<"read" | "late"> {
    slot.dispatch({ type: "want", isPatient: false })
    if (slot.state.phase !== "fetching") this.#closing.check()
    try {
      await slot.waiters.wait(patience.signal)
      return "read"
    } catch (reason) {
      if (patience.isOver) return "late"
      throw reason
    }
  }

  async #bypass<Value>(
    type: RegisteredType<Value>,
    request: CacheRequest,
    signal?: AbortSignal,
  ): Promise<Answer<Value>> {
    this.#closing.check()
    this.#observer?.onBypass?.(type.name)
    const options = { request, since: request.since, waitMs: 0, last: undefined }
    const patience = new Patience(this.#clock, request.timeoutMs, signal)
    try {
      const { value } = await patience.during(type.fetch(options, patience.signal))
      return { value, meta: EMPTY_META }
    } catch (reason) {
      if (patience.isOver) return { value: undefined, meta: EMPTY_META }
      throw reason
    } finally {
      patience.end("nobody waits")
    }
  }
}

function invalid(message: string): ReadThroughError {
  return new ReadThroughError(message, "ERR_REQUEST_INVALID")
}
