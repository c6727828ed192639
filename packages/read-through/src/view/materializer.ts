import {
  type Clock,
  checkOptions,
  functionRule,
  isSyncError,
  LinkedAbort,
  type OptionRules,
  objectRule,
  type Position,
  required,
  type ViewFeed,
  Waiters,
} from "@headwater/core"
import { countFailed, countWell, NO_FAILURES } from "../fetch-backoff.ts"
import { isAfter, isReset } from "../key-state.ts"
import { FetchFailedError } from "../read-through-error.ts"
import { type FeedEffect, type FeedState, hear, newFeed } from "./feed-state.ts"
import { retryWaitMs, VIEW_RETRY } from "./retry-wait.ts"
import type { View } from "./view.ts"

/** What a materializer is made with. */
export interface MaterializerOptions<Payload, Result> {
  /**
   * Subscribes: afresh, or, given a position, from there on, if that can be; else the feed begins
   * with a `reset`. Called again whenever a feed ends or fails. The signal is aborted when this
   * subscription is over: the feed then ends, and lets go of what is open.
   */
  readonly subscribe: (
    from: Position | undefined,
    signal: AbortSignal,
  ) => ViewFeed<Payload> | Promise<ViewFeed<Payload>>
  /** Makes an empty view; called for each snapshot. */
  readonly makeView: () => View<Payload, Result>
  readonly clock: Clock
  /** As `Math.random`; draws jitter. */
  readonly random: () => number
}

/** What is to be seen, and where upstream was. */
export interface Seen<Result> {
  readonly result: Result
  readonly position: Position
}

/**
 * Keeps a view up to date by one subscription, for as long as `run` runs.
 *
 * What is to be seen is always a whole state. A snapshot that has come in part is not seen, and
 * neither is the reset before it: the old state stays until the new one is whole. Source: Consul
 * `submatview.Materializer`, which shows the reset.
 */
export class Materializer<Payload, Result> {
  /** Woken by every update and every failure that is told. */
  readonly changes = new Waiters()
  readonly #options: MaterializerOptions<Payload, Result>
  #view: View<Payload, Result> | undefined
  #seen: Seen<Result> | undefined
  /** Where the view is, when nobody has looked at it there. */
  #unseen: Position | undefined
  /** Where to go on; undefined: afresh. */
  #from: Position | undefined
  #error: Error | undefined
  #count = NO_FAILURES
  /** The subscription that goes on. */
  #link: LinkedAbort | undefined
  #told = 0
  #isOver = false

  /** @throws {OptionError} an option is not known, or makes no sense. */
  constructor(options: MaterializerOptions<Payload, Result>) {
    checkOptions("Materializer", options, OPTION_RULES)
    this.#options = options
  }

  /** What is to be seen now; undefined before the first snapshot is whole. Made when asked for. */
  get seen(): Seen<Result> | undefined {
    const [view, position] = [this.#view, this.#unseen]
    this.#unseen = undefined
    try {
      if (view && position) this.#seen = { result: view.result(), position }
    } catch (error) {
      // As when `update` throws: the view is given up, and made anew from a fresh snapshot.
      this.#view = undefined
      this.#from = undefined
      this.#link?.abort(error)
    }
    return this.#seen
  }

  /** Why the subscription does not work, as far as that is told. */
  get error(): Error | undefined {
    return this.#error
  }

  /** How many failures were told. */
  get told(): number {
    return this.#told
  }

  /** Whether it ended by itself, as trying again is in vain. */
  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Subscribes, again and again, until the signal is aborted or nobody knows the token.
   *
   * @throws `signal.reason`
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    while (!this.#isOver) {
      const error = await this.#attempt(signal)
      signal.throwIfAborted()
      this.#fail(error)
      const waitMs = retryWaitMs(VIEW_RETRY, this.#count.failures, random())
      if (!this.#isOver && waitMs > 0) await clock.sleep(waitMs, signal)
    }
  }

  /**
   * What is to be seen, once it is news to who was at `since`. At once when it is there, though the
   * subscription may fail; a failure is told only to who waits already.
   *
   * @throws {FetchFailedError} the subscription failed, for the second time or for good.
   * @throws `signal.reason`
   */
  async query(
    since: Position | undefined,
    signal: AbortSignal,
  ): Promise<Seen<Result> & { readonly hit: boolean }> {
    const told = this.#told
    let before: Position | undefined
    for (let hit = true; ; hit = false) {
      const { seen } = this
      if (seen) {
        const { position } = seen
        // A caller that is ahead of a feed without epochs waits; one that begins anew is news.
        const isBack = before !== undefined && isReset(before, position)
        if (since === undefined || isAfter(position, since) || isBack) return { ...seen, hit }
        before = position
      }
      if (this.#error && (this.#told > told || this.#isOver)) {
        const meta = { hit, ageMs: 0, position: seen?.position }
        throw new FetchFailedError(this.#error, seen?.result, meta)
      }
      await this.changes.wait(signal)
    }
  }

  // One subscription, to its end. Resolves with why it ended.
  async #attempt(signal: AbortSignal): Promise<unknown> {
    const from = this.#from
    let state: FeedState<Payload> = newFeed(from !== undefined)
    const link = new LinkedAbort(signal)
    this.#link = link
    let frames = 0
    try {
      const feed = await this.#options.subscribe(from, link.signal)
      for await (const frame of feed) {
        link.signal.throwIfAborted()
        // A feed that always has a frame leaves others their turn.
        frames += 1
        if (frames % FRAMES_PER_TURN === 0) await this.#options.clock.yield()
        const [next, effect] = hear(state, frame)
        state = next
        if (effect) this.#act(effect, feed.epoch ?? "")
      }
      return new Error("the subscription ended")
    } catch (error) {
      return link.signal.aborted ? link.signal.reason : error
    } finally {
      this.#link = undefined
      link.abort(new Error("the subscription is over"))
    }
  }

  #act(effect: FeedEffect<Payload>, epoch: string): void {
    if (effect.type !== "sign") {
      const { events, revision } = effect
      try {
        this.#update(effect.type === "replace", events, { epoch, revision })
      } catch (error) {
        // The view is not to be trusted any more; what was seen last stays until the next one.
        this.#from = undefined
        throw error
      }
    }
    const isRecovered = this.#error !== undefined
    this.#count = countWell(this.#count, this.#options.clock.elapsed())
    this.#error = undefined
    if (effect.type !== "sign" || isRecovered) this.changes.wake()
  }

  #update(replaces: boolean, events: readonly Payload[], position: Position): void {
    // The view itself may have been given up as it was looked at.
    const view = replaces ? this.#options.makeView() : this.#view
    if (view === undefined) throw new Error("the view was given up")
    // Of a view that fails half-way, nothing but what somebody saw already is to be seen.
    if (!replaces) this.#unseen = undefined
    view.update(events)
    this.#view = view
    this.#unseen = { ...position, revision: Math.max(1, position.revision) }
    this.#from = this.#unseen
  }

  #fail(reason: unknown): void {
    const error =
      reason instanceof Error || isSyncError(reason) ? reason : new Error(String(reason))
    const { code, recovery } = isSyncError(error) ? error : { code: "", recovery: "retry" }
    // Who closed a subscription by force says nothing against where it stood.
    if (recovery === "resync" && code !== "ERR_CLOSED") this.#from = undefined
    this.#isOver = code === "ERR_UNAUTHENTICATED"
    const isTemporary = recovery !== "stop"
    this.#count = countFailed(this.#count, this.#options.clock.elapsed())
    const isFirst = this.#count.failures === 1
    if (isTemporary && isFirst) return
    this.#error = error
    this.#told += 1
    this.changes.wake()
  }
}

/** Frames that are taken in one turn of the event loop. */
const FRAMES_PER_TURN = 256

const OPTION_RULES: OptionRules<MaterializerOptions<unknown, unknown>> = {
  subscribe: required(functionRule),
  makeView: required(functionRule),
  clock: required(objectRule),
  random: required(functionRule),
}
