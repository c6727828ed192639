// Projects that compile for ES2022 have no `AsyncDisposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  type CacheRequest,
  type CacheType,
  type Clock,
  ClosedError,
  type FetchResult,
  type GuardedObserver,
  onAbort,
  type Position,
  type RateLimit,
  systemClock,
} from "@headwater/core"
import type { CacheAnswer } from "./answer.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import { EntryTable } from "./entry-table.ts"
import { type GetContext, getEntry, getUncached } from "./get.ts"
import { BYTES_MAX_DEFAULT, ENTRIES_MAX_DEFAULT } from "./limits.ts"
import { followEntry, followUncached, poll } from "./notify.ts"
import { guardedObserver, type ReadThroughObserver } from "./observer.ts"
import {
  checkCache,
  checkFilter,
  checkLimits,
  checkNotify,
  checkRequest,
  type EvictFilter,
  type ReadThroughOptions,
} from "./options.ts"
import { ReadThroughError } from "./read-through-error.ts"
import { RegisteredType } from "./registered-type.ts"
import { rateLimitOf } from "./token-bucket.ts"

/** A type by its name, or as `register` returned it, which knows its values. */
export type TypeOf<Value, Request extends CacheRequest> = string | RegisteredType<Value, Request>

/**
 * A read-through cache: it reads an entry that it lacks, once for all callers, keeps it while it is
 * used, and refreshes it if its type says so.
 *
 * Reads belong to the cache: a caller that leaves ends its own wait and nothing else. Values are
 * shared, and must not be changed. Source: Consul `agent/cache`.
 */
export class ReadThroughCache implements AsyncDisposable {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #guard: GuardedObserver<ReadThroughObserver> | undefined
  readonly #report: ((error: unknown) => void) | undefined
  readonly #types = new Map<string, RegisteredType<unknown>>()
  readonly #entries: EntryTable
  readonly #closing = new AbortController()
  readonly #context: GetContext

  /** @throws {OptionError} an option is not known, or makes no sense. */
  constructor(options: ReadThroughOptions = {}) {
    checkCache(options)
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
    this.#entries = new EntryTable(clock, random, bounds, guard)
    this.#context = {
      clock,
      closing: this.#closing.signal,
      observer: guard?.tells,
      open: (type, request) => this.#entries.open(type, request),
    }
  }

  /** The number of entries. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * Registers a type. Returns it with its name, for requests that know the type of values.
   *
   * @throws {ReadThroughError} there is one of that name.
   * @throws {OptionError} a member of the type makes no sense.
   */
  register<Value, Request extends CacheRequest = CacheRequest, State = unknown>(
    name: string,
    type: CacheType<Value, Request, State>,
  ): RegisteredType<Value, Request> {
    if (this.#types.has(name)) throw invalid(`type "${name}" is registered already`)
    const registered = new RegisteredType(name, type as CacheType<Value, Request>, this.#report)
    this.#types.set(name, registered as unknown as RegisteredType<unknown>)
    return registered
  }

  /**
   * Answers from the cache, or reads.
   *
   * With `since`, a blocking get: answers once there is a newer value. An entry whose last read
   * failed still answers a caller that did not have to wait. *Closed > data > cancelled*, but a
   * value in the cache is an answer also when the cache is closed.
   *
   * @throws {ReadThroughError} no such type; too many keys are waited for.
   * @throws {FetchFailedError} the read for this caller failed.
   * @throws {ClosedError} the cache is closed, and has no value that would do.
   * @throws `signal.reason`
   */
  async get<Value, Request extends CacheRequest = CacheRequest>(
    type: TypeOf<Value, Request>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<CacheAnswer<Value>> {
    const registered = this.#find(type)
    checkRequest("get", request)
    this.#guard?.assertOutside()
    const get = request.key === "" ? getUncached : getEntry
    return get(this.#context, registered, request, signal)
  }

  /**
   * Follows an entry: its value now, if there is one, and then every change, until the signal is
   * aborted, the loop is left, or the cache is closed.
   *
   * A slow follower delays no other, and gets the newest value only. Followers of one entry share
   * its reads. Types that do not block are polled, and need `maxAgeMs`.
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
    const context = {
      clock: this.#clock,
      random: this.#random,
      closing: this.#closing.signal,
      open: () => this.#entries.open(registered, request),
      get: (signal: AbortSignal) => this.get(registered, request, signal),
      read: (since: Position | undefined, signal: AbortSignal) =>
        registered.fetch({ request, since, waitMs: 0, last: undefined }, signal),
    }
    if (!blocking) return poll(context, registered, options, maxAgeMs)
    return key === "" ? followUncached(context, options) : followEntry(context, registered, options)
  }

  /**
   * As `notify`, with a callback, which is awaited before the next call. Failed reads and a full
   * table reach it as events. An error that the callback throws ends the follower, and is an
   * uncaught error of the process.
   *
   * @returns ends the follower; twice is harmless.
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

  /** Puts a value into the cache that was read elsewhere. */
  prepopulate<Value, Request extends CacheRequest = CacheRequest>(
    type: TypeOf<Value, Request>,
    request: Request,
    result: FetchResult<Value>,
  ): void {
    checkRequest("prepopulate", request)
    const registered = this.#find(type)
    // Measured before anything changes: this is the type's code.
    const bytes = result.value === undefined ? 0 : registered.bytesOf(result.value)
    const entry = this.#entries.open(registered, request)
    entry.dispatch({ type: "fill", result, bytes, now: this.#clock.elapsed() })
  }

  /** Drops the entries that match, and returns their number. Waiting callers cause new reads. */
  evict(filter: EvictFilter): number {
    checkFilter(filter)
    return this.#entries.evict(filter)
  }

  /** Changes the rate limits, also of present entries. Returns whether they differ. */
  reload(limits: { readonly entryRate?: RateLimit; readonly totalRate?: RateLimit }): boolean {
    checkLimits(limits)
    return this.#entries.reload(rateLimitOf(limits.entryRate), rateLimitOf(limits.totalRate))
  }

  /**
   * Ends all reads. The cache still answers with the values that it has. A first read in flight may
   * finish while a caller waits for it; callers that wait for news get a `ClosedError`. Again is
   * harmless.
   *
   * @returns resolves once no read is in flight.
   */
  async close(): Promise<void> {
    this.#guard?.assertOutside()
    this.#closing.abort(new ClosedError("shutdown"))
    this.#entries.close()
    await this.#entries.quiet()
  }

  /** Asserts the invariants of entries, between any two calls. For tests. Cost: O(entries). */
  assertInvariants(): void {
    this.#entries.assertInvariants()
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
}

function invalid(message: string): ReadThroughError {
  return new ReadThroughError(message, "ERR_REQUEST_INVALID")
}
