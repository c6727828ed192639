import {
  type CacheRequest,
  type CacheType,
  type Clock,
  ClosedError,
  checkOptions,
  type FetchResult,
  functionRule,
  type GuardedObserver,
  integerRule,
  LinkedAbort,
  type OptionRules,
  objectRule,
  onAbort,
  type Position,
  type RateLimit,
  systemClock,
  untilAborted,
} from "@headwater/core"
import { type Answer, EMPTY_META } from "./answer.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import { ageMs, type Held, isReset, satisfies, type Wish } from "./key-state.ts"
import {
  BYTES_MAX_DEFAULT,
  ENTRIES_MAX_DEFAULT,
  READS_PER_TURN,
  type ReadThroughLimits,
} from "./limits.ts"
import { followSlot, followUncached, poll } from "./notify.ts"
import { guardedObserver, type ReadThroughObserver } from "./observer.ts"
import { FetchFailedError, ReadThroughError } from "./read-through-error.ts"
import { RegisteredType } from "./registered-type.ts"
import { checkNotify, checkRateLimit, checkRequest } from "./requests.ts"
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
  readonly #guard: GuardedObserver<ReadThroughObserver> | undefined
  readonly #report: ((error: unknown) => void) | undefined
  readonly #types = new Map<string, RegisteredType<unknown>>()
  readonly #slots: SlotTable
  readonly #closing = new AbortController()

  /** @throws {OptionError} an option is not known, or makes no sense. */
  constructor(options: ReadThroughOptions = {}) {
    checkOptions("ReadThroughCache", options, OPTION_RULES)
    checkLimits(options.limits ?? {})
    const { clock = systemClock, random = Math.random, limits = {}, observer } = options
    this.#clock = clock
    this.#random = random
    const guard = guardedObserver(observer)
    this.#guard = guard
    this.#report = observer?.onError && ((error) => guard?.report(error))
    const { entriesMax = ENTRIES_MAX_DEFAULT, bytesMax = BYTES_MAX_DEFAULT } = limits
    const entryRate = rateLimitOf(limits.entryRate)
    const totalRate = rateLimitOf(limits.totalRate)
    const bounds = { entriesMax, bytesMax, entryRate, totalRate }
    this.#slots = new SlotTable(clock, random, bounds, this.#guard)
  }

  /** How many entries there are. */
  get size(): number {
    return this.#slots.size
  }

  /**
   * Makes a type known. What it returns stands for the name, and knows the type of values.
   *
   * @throws {ReadThroughError} there is one of that name.
   * @throws {OptionError} a member of the type makes no sense.
   */
  register<Value, Request extends CacheRequest = CacheRequest, State = unknown>(
    name: string,
    type: CacheType<Value, Request, State>,
  ): RegisteredType<Value, Request> {
    if (this.#types.has(name)) throw invalid(`type "${name}" is there already`)
    const registered = new RegisteredType(name, type as CacheType<Value, Request>, this.#report)
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
    checkRequest("get", request)
    this.#guard?.assertOutside()
    if (request.key === "") return this.#bypass(registered, request, signal)
    let link: LinkedAbort | undefined
    const wait = (slot: Slot<Value>) => {
      link ??= deadline(this.#clock, request.timeoutMs, signal)
      return this.#wait(slot, link)
    }
    try {
      return await this.#answer(registered, request, wait)
    } finally {
      link?.unlink()
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
    checkRequest("notify", request)
    checkNotify(options)
    const { maxAgeMs = 0, key } = request
    const { blocking } = registered.rules
    if (!blocking && maxAgeMs <= 0) {
      throw invalid(`type "${registered.name}" does not block: maxAgeMs says how often to look`)
    }
    const host = {
      clock: this.#clock,
      random: this.#random,
      closing: this.#closing.signal,
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
    const events = this.notify(type, request, { ...options, signal: stop.signal })
    const withdraw = onAbort(signal, () => stop.abort(signal?.reason))
    const run = async () => {
      try {
        for await (const event of events) {
          await callback(event)
          if (stop.signal.aborted) break
        }
      } catch (error) {
        if (stop.signal.aborted || this.#closing.signal.aborted) return
        queueMicrotask(() => {
          throw error
        })
      } finally {
        withdraw()
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
    checkRequest("prepopulate", request)
    const registered = this.#find(type)
    // Measured before anything changes: this is the type's code.
    const bytes = result.value === undefined ? 0 : registered.bytesOf(result.value)
    const slot = this.#slots.open(registered, request)
    slot.dispatch({ type: "fill", result, bytes, now: this.#clock.elapsed() })
  }

  /** Drops what fits. Who waits for one of them has it read anew. Returns how many there were. */
  evict(filter: EvictFilter): number {
    checkOptions("evict", filter, {
      type: anyText,
      partition: anyText,
      token: anyText,
      key: anyText,
    })
    return this.#slots.evict(filter)
  }

  /** Changes the rate limits, also of entries that are there. Returns whether they were others. */
  reload(limits: { readonly entryRate?: RateLimit; readonly totalRate?: RateLimit }): boolean {
    checkLimits(limits)
    return this.#slots.reload(rateLimitOf(limits.entryRate), rateLimitOf(limits.totalRate))
  }

  /**
   * Reads nothing any more. What is held is still answered. A first read that is out may finish,
   * as long as a caller waits for it; callers that wait for news get a `ClosedError`. Again is
   * harmless.
   *
   * @returns resolves once no read is out.
   */
  async close(): Promise<void> {
    this.#guard?.assertOutside()
    this.#closing.abort(new ClosedError("shutdown"))
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
    let release = () => {}
    let reads = 0
    try {
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
          if (hit) this.#guard?.tells.onHit?.(type.name)
          return { value: held?.value, meta }
        }
        if (!hit && error) throw new FetchFailedError(error, held?.value, meta)
        if (hit) this.#guard?.tells.onMiss?.(type.name, wish.since?.revision ? "block" : "new")
        // Used until this caller has looked at what it was woken for.
        const use = slot.use()
        release()
        release = use
        if ((await wait(slot)) === "late") {
          const age = ageMs(state, rules, this.#clock.elapsed())
          return { value: held?.value, meta: { ...meta, hit: false, ageMs: age } }
        }
        // Upstream may have ever more news, all of it too old: others have their turn.
        reads += 1
        if (reads % READS_PER_TURN === 0) await this.#clock.yield()
        // One read since it asked is revalidation enough.
        wish = { ...wish, mustRevalidate: false }
        before = held
      }
    } finally {
      release()
    }
  }

  // Makes sure that a read comes, and waits for its end.
  async #wait(slot: Slot, link: LinkedAbort): Promise<"read" | "late"> {
    slot.dispatch({ type: "want", isPatient: false })
    // The type's code was called, and may have dropped the slot: nothing will wake its waiters.
    if (slot.state.phase === "gone") return "read"
    if (slot.state.phase !== "fetching") this.#closing.signal.throwIfAborted()
    try {
      await slot.waiters.wait(link.signal)
      return "read"
    } catch (reason) {
      if (link.isLate) return "late"
      throw reason
    }
  }

  async #bypass<Value>(
    type: RegisteredType<Value>,
    request: CacheRequest,
    signal?: AbortSignal,
  ): Promise<Answer<Value>> {
    this.#closing.signal.throwIfAborted()
    this.#guard?.tells.onBypass?.(type.name)
    const options = { request, since: request.since, waitMs: 0, last: undefined }
    const link = deadline(this.#clock, request.timeoutMs, signal)
    try {
      const { value } = await untilAborted(type.fetch(options, link.signal), link.signal)
      return { value, meta: EMPTY_META }
    } catch (reason) {
      if (link.isLate) return { value: undefined, meta: EMPTY_META }
      throw reason
    } finally {
      link.abort(new ClosedError("unsubscribed"))
    }
  }
}

const OPTION_RULES: OptionRules<ReadThroughOptions> = {
  clock: objectRule,
  random: functionRule,
  limits: objectRule,
  observer: objectRule,
}

const anyText = { allowed: "a text", test: (value: unknown) => typeof value === "string" }

const LIMIT_RULES: OptionRules<ReadThroughLimits> = {
  entriesMax: integerRule(1),
  bytesMax: {
    allowed: "an integer ≥ 0, or Infinity for no bound",
    test: (value) => value === Number.POSITIVE_INFINITY || integerRule(0).test(value),
  },
  entryRate: objectRule,
  totalRate: objectRule,
}

function checkLimits(limits: Partial<ReadThroughLimits>): void {
  checkOptions("limits", limits, LIMIT_RULES)
  for (const name of ["entryRate", "totalRate"] as const) {
    const limit = limits[name]
    if (limit !== undefined) checkRateLimit(`limits: ${name}`, limit)
  }
}

// Bounds a wait by the caller's signal and time. A time of 0, or none, is for ever.
function deadline(
  clock: Clock,
  timeoutMs: number | undefined,
  signal: AbortSignal | undefined,
): LinkedAbort {
  const link = new LinkedAbort(signal)
  if (timeoutMs) link.abortAfter(clock, timeoutMs)
  return link
}

function invalid(message: string): ReadThroughError {
  return new ReadThroughError(message, "ERR_REQUEST_INVALID")
}
