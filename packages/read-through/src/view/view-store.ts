// Projects that compile for ES2022 have no `AsyncDisposable`.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  assert,
  type CacheRequest,
  type Clock,
  ClosedError,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  LinkedAbort,
  type OptionRules,
  objectRule,
  type Position,
  required,
  systemClock,
  textRule,
  type ViewFeed,
} from "@headwater/core"
import type { CacheAnswer } from "../answer.ts"
import type { CacheEvent, NotifyOptions } from "../cache-event.ts"
import { LastSent } from "../last-sent.ts"
import { checkKnown, checkNotify, checkRequest } from "../options.ts"
import { FetchFailedError, ReadThroughError } from "../read-through-error.ts"
import type { MaterializedView } from "./materialized-view.ts"
import { Materializer } from "./materializer.ts"

/** The time that a view is kept without callers and followers: 20 min. Source: Consul. */
export const VIEW_IDLE_MS = 1_200_000

/** A type of view: the source of its events, and the view that is built from them. */
export interface ViewType<Payload, Result, Request extends CacheRequest = CacheRequest> {
  subscribe(
    request: Request,
    from: Position | undefined,
    signal: AbortSignal,
  ): ViewFeed<Payload> | Promise<ViewFeed<Payload>>
  makeView(request: Request): MaterializedView<Payload, Result>
  /** The time that a view is kept without callers and followers, ms. */
  readonly idleMs?: number
}

/** The options of a store of views. */
export interface ViewStoreOptions {
  /** The machine's by default. */
  readonly clock?: Clock
  /** As `Math.random`; draws jitter. */
  readonly random?: () => number
  /** Views at once; each has a subscription. 1,024 by default. */
  readonly viewsMax?: number
}

interface StoredView<Result = unknown> {
  readonly materializer: Materializer<unknown, Result>
  readonly stop: AbortController
  readonly running: Promise<void>
  active: number
  cancelExpiry: () => void
}

/**
 * Views by request: one subscription for each, made for the first caller, shared by all, and ended
 * when it was not used for a while. `get` and `notify` are those of a `ReadThroughCache`.
 *
 * Source: Consul `submatview.Store`.
 */
export class ViewStore implements AsyncDisposable {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #viewsMax: number
  readonly #types = new Map<string, ViewType<unknown, unknown>>()
  readonly #items = new Map<string, StoredView>()
  readonly #closing = new AbortController()

  /** @throws {OptionError} an option is not known, or makes no sense. */
  constructor(options: ViewStoreOptions = {}) {
    checkOptions("ViewStore", options, OPTION_RULES)
    const { clock = systemClock, random = Math.random, viewsMax = 1_024 } = options
    this.#clock = clock
    this.#random = random
    this.#viewsMax = viewsMax
  }

  /** The number of views. */
  get size(): number {
    return this.#items.size
  }

  /**
   * Registers a type.
   *
   * @throws {ReadThroughError} there is one of that name.
   * @throws {OptionError} a member of the type makes no sense.
   */
  register<Payload, Result, Request extends CacheRequest = CacheRequest>(
    name: string,
    type: ViewType<Payload, Result, Request>,
  ): void {
    checkOptions("register", { name }, { name: textRule })
    checkKnown<ViewType<Payload, Result>>(`register "${name}"`, type as never, TYPE_RULES)
    if (this.#types.has(name)) throw invalid(`type "${name}" is registered already`)
    this.#types.set(name, type as unknown as ViewType<unknown, unknown>)
  }

  /**
   * Returns the result of a view, once it is there, or newer than `since`; after `timeoutMs`, the
   * result at that time, without an error. `maxAgeMs` and `mustRevalidate` are ignored.
   *
   * @throws {ReadThroughError | FetchFailedError | ClosedError}
   * @throws `signal.reason`
   */
  async get<Result>(
    type: string,
    request: CacheRequest,
    signal?: AbortSignal,
  ): Promise<CacheAnswer<Result>> {
    checkRequest("get", request)
    const [item, release] = this.#retain<Result>(type, request)
    const link = new LinkedAbort(signal, this.#closing.signal)
    if (request.timeoutMs) link.abortAfter(this.#clock, request.timeoutMs)
    try {
      const { result, position, hit } = await item.materializer.query(request.since, link.signal)
      return { value: result, meta: { hit, ageMs: 0, position } }
    } catch (reason) {
      if (!link.isLate) throw reason
      const { seen } = item.materializer
      return { value: seen?.result, meta: { hit: false, ageMs: 0, position: seen?.position } }
    } finally {
      link.unlink()
      release()
    }
  }

  /**
   * Follows a view from the request's `since` on, as `ReadThroughCache.notify` does.
   *
   * @throws {ReadThroughError | ClosedError} at once.
   */
  notify<Result>(
    type: string,
    request: CacheRequest,
    options: NotifyOptions = {},
  ): AsyncGenerator<CacheEvent<Result>, void, undefined> {
    checkRequest("notify", request)
    checkNotify(options)
    this.#closing.signal.throwIfAborted()
    this.#find(type)
    return this.#follow(type, request, options)
  }

  /** Ends every subscription. Again is harmless. Resolves once none is open. */
  async close(): Promise<void> {
    this.#closing.abort(new ClosedError("shutdown"))
    const items = [...this.#items]
    for (const [id, item] of items) this.#drop(id, item)
    await Promise.all(items.map(([, { running }]) => running))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Asserts that views are bounded, subscribed while they are kept, and that users are counted. */
  assertInvariants(): void {
    assert(this.#items.size <= this.#viewsMax, "there are no more views than allowed")
    for (const { active, stop } of this.#items.values()) {
      assert(active >= 0, "a user leaves a view once")
      assert(!stop.signal.aborted, "a view that is kept is subscribed")
    }
  }

  async *#follow<Result>(
    type: string,
    request: CacheRequest,
    options: NotifyOptions,
  ): AsyncGenerator<CacheEvent<Result>, void, undefined> {
    const [{ materializer }, release] = this.#retain<Result>(type, request)
    const link = new LinkedAbort(options.signal, this.#closing.signal)
    const last = new LastSent<Result>(options, request.since)
    let reported = materializer.reported
    let hit = true
    try {
      for (;;) {
        link.signal.throwIfAborted()
        const { seen, error } = materializer
        if (seen && last.isNews(seen.position)) {
          const { result, position } = seen
          yield last.value(result, { hit, ageMs: 0, position })
          continue
        }
        const isTold =
          error === undefined || materializer.reported > reported || materializer.isOver
        reported = materializer.reported
        const outcome = isTold ? last.outcome(error) : undefined
        if (outcome) yield outcome
        // A view that ended for good is reported once, and sends nothing more.
        if (materializer.isOver && error) return
        if (!outcome) await materializer.changes.wait(link.signal)
        hit = false
      }
    } finally {
      link.unlink()
      release()
    }
  }

  #find(type: string): ViewType<unknown, unknown> {
    const found = this.#types.get(type)
    if (found === undefined) throw invalid(`there is no type "${type}"`)
    return found
  }

  // The view of a request, in use until it is released.
  #retain<Result>(type: string, request: CacheRequest): readonly [StoredView<Result>, () => void] {
    const viewType = this.#find(type)
    this.#closing.signal.throwIfAborted()
    const { key, partition, token } = request
    const id = JSON.stringify([type, partition, token, key])
    const found = this.#items.get(id)
    if (found?.materializer.isOver && found.active === 0) this.#drop(id, found)
    const item = (this.#items.get(id) ?? this.#open(id, viewType, request)) as StoredView<Result>
    // The order is that of last use.
    this.#items.delete(id)
    this.#items.set(id, item as StoredView)
    const { error, isOver, seen } = item.materializer
    if (isOver && error) {
      // Its present users get the error, too; the last of them lets go of it.
      const meta = { hit: false, ageMs: 0, position: seen?.position }
      throw new FetchFailedError(error, seen?.result, meta)
    }
    item.active += 1
    item.cancelExpiry()
    let isReleased = false
    const release = () => {
      if (isReleased) return
      isReleased = true
      item.active -= 1
      if (item.active === 0) this.#idle(id, item as StoredView, viewType)
    }
    return [item, release]
  }

  #open(id: string, type: ViewType<unknown, unknown>, request: CacheRequest): StoredView {
    if (this.#items.size >= this.#viewsMax) this.#makeRoom()
    if (this.#items.size >= this.#viewsMax) {
      throw new ReadThroughError(
        `all of ${this.#viewsMax} views are in use: raise viewsMax, or try again later`,
        "ERR_TOO_MANY",
      )
    }
    const stop = new AbortController()
    const materializer = new Materializer({
      subscribe: (from, signal) => type.subscribe(request, from, signal),
      makeView: () => type.makeView(request),
      clock: this.#clock,
      random: this.#random,
    })
    const running = materializer.run(stop.signal).catch((reason) => {
      if (!stop.signal.aborted) throw reason
    })
    const item: StoredView = { materializer, stop, running, active: 0, cancelExpiry: () => {} }
    this.#items.set(id, item)
    return item
  }

  #makeRoom(): void {
    for (const [id, item] of this.#items) {
      if (item.active > 0) continue
      this.#drop(id, item)
      return
    }
  }

  // Keeps a view without users for a while, unless it is over.
  #idle(id: string, item: StoredView, { idleMs = VIEW_IDLE_MS }: ViewType<unknown, unknown>): void {
    if (this.#items.get(id) !== item) return
    if (item.materializer.isOver) this.#drop(id, item)
    else item.cancelExpiry = this.#clock.after(idleMs, () => this.#drop(id, item))
  }

  #drop(id: string, item: StoredView): void {
    item.cancelExpiry()
    this.#items.delete(id)
    // In a turn of its own: listeners are the type's code, and this may be mid-change.
    queueMicrotask(() => item.stop.abort(new Error("the view is not in use any more")))
  }
}

const OPTION_RULES: OptionRules<ViewStoreOptions> = {
  clock: objectRule,
  random: functionRule,
  viewsMax: integerRule(1),
}

const TYPE_RULES: OptionRules<ViewType<unknown, unknown>> = {
  subscribe: required(functionRule),
  makeView: required(functionRule),
  idleMs: durationRule(),
}

function invalid(message: string): ReadThroughError {
  return new ReadThroughError(message, "ERR_REQUEST_INVALID")
}
