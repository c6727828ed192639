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
import { isAfter, isReset } from "../key-state.ts"
import { FetchFailedError } from "../read-through-error.ts"
import { countFailed, countWell, NO_FAILURES, retryWaitMs, VIEW_RETRY } from "../retry.ts"
import { applyFrame, type FeedEffect, type FeedState, newFeed } from "./feed-state.ts"
import type { MaterializedView } from "./materialized-view.ts"

/** The options of a materializer. */
export interface MaterializerOptions<Payload, Result> {
  /**
   * Subscribes: afresh, or, given a position, from there on, if that can be; else the feed begins
   * with a `reset`. Called again whenever a feed ends or fails. The signal is aborted when this
   * subscription is over: the feed then ends, and closes its resources.
   */
  readonly subscribe: (
    from: Position | undefined,
    signal: AbortSignal,
  ) => ViewFeed<Payload> | Promise<ViewFeed<Payload>>
  /** Makes an empty view; called for each snapshot. */
  readonly makeView: () => MaterializedView<Payload, Result>
  readonly clock: Clock
  /** As `Math.random`; draws jitter. */
  readonly random: () => number
}

/** The visible result of a view, and its position upstream. */
export interface ViewState<Result> {
  readonly result: Result
  readonly position: Position
}

/**
 * Keeps a view up to date by one subscription, for as long as `run` runs.
 *
 * The visible result is always of a whole state. A snapshot that has come in part is not visible,
 * and neither is the reset before it: the old state stays until the new one is whole. Source:
 * Consul `submatview.Materializer`, which shows the reset.
 */
export class Materializer<Payload, Result> {
  /** Woken by every update and every failure that is reported. */
  readonly changes = new Waiters()
  readonly #options: MaterializerOptions<Payload, Result>
  #view: MaterializedView<Payload, Result> | undefined
  #seen: ViewState<Result> | undefined
  /** The position of the view, when its result there has not been read. */
  #unseen: Position | undefined
  /** The position to go on from; undefined: afresh. */
  #from: Position | undefined
  #error: Error | undefined
  #count = NO_FAILURES
  /** The abort of the subscription that goes on. */
  #link: LinkedAbort | undefined
  #reported = 0
  #isOver = false

  /** @throws {OptionError} an option is not known, or makes no sense. */
  constructor(options: MaterializerOptions<Payload, Result>) {
    checkOptions("Materializer", options, OPTION_RULES)
    this.#options = options
  }

  /** The visible result; undefined before the first snapshot is whole. Made when it is read. */
  get seen(): ViewState<Result> | undefined {
    const [view, position] = [this.#view, this.#unseen]
    this.#unseen = undefined
    try {
      if (view && position) this.#seen = { result: view.result(), position }
    } catch (error) {
      // As when `update` throws: the view is dropped, and made anew from a fresh snapshot.
      this.#view = undefined
      this.#from = undefined
      this.#link?.abort(error)
    }
    return this.#seen
  }

  /** The error of the subscription, if one is reported. */
  get error(): Error | undefined {
    return this.#error
  }

  /** The number of failures that were reported. */
  get reported(): number {
    return this.#reported
  }

  /** Returns whether it ended by itself, as a retry is in vain. */
  get isOver(): boolean {
    return this.#isOver
  }

  /**
   * Subscribes, again and again, until the signal is aborted or upstream refuses the token.
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
   * Returns the visible result once it is newer than `since`: at once when it is there, also while
   * the subscription fails. Only a waiting caller gets a failure.
   *
   * @throws {FetchFailedError} the subscription failed, for the second time or for good.
   * @throws `signal.reason`
   */
  async query(
    since: Position | undefined,
    signal: AbortSignal,
  ): Promise<ViewState<Result> & { readonly hit: boolean }> {
    const reported = this.#reported
    let before: Position | undefined
    for (let hit = true; ; hit = false) {
      const { seen } = this
      if (seen) {
        const { position } = seen
        // A caller ahead of a feed without epochs waits. A feed that begins anew is news.
        const isBack = before !== undefined && isReset(before, position)
        if (since === undefined || isAfter(position, since) || isBack) return { ...seen, hit }
        before = position
      }
      if (this.#error && (this.#reported > reported || this.#isOver)) {
        const meta = { hit, ageMs: 0, position: seen?.position }
        throw new FetchFailedError(this.#error, seen?.result, meta)
      }
      await this.changes.wait(signal)
    }
  }

  // Runs one subscription to its end. Resolves with the error that ended it.
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
        // A feed that always has a frame leaves other tasks their turn.
        frames += 1
        if (frames % FRAMES_PER_TURN === 0) await this.#options.clock.yield()
        const [next, effect] = applyFrame(state, frame)
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
    if (effect.type !== "alive") {
      const { events, revision } = effect
      try {
        this.#update(effect.type === "replace", events, { epoch, revision })
      } catch (error) {
        // The view cannot be trusted any more. The last visible result stays until the next one.
        this.#from = undefined
        throw error
      }
    }
    const isRecovered = this.#error !== undefined
    this.#count = countWell(this.#count, this.#options.clock.elapsed())
    this.#error = undefined
    if (effect.type !== "alive" || isRecovered) this.changes.wake()
  }

  #update(replaces: boolean, events: readonly Payload[], position: Position): void {
    // The view may have been dropped as its result was read.
    const view = replaces ? this.#options.makeView() : this.#view
    if (view === undefined) throw new Error("the view was given up")
    // Of a view that fails half-way, only the last result that was read stays visible.
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
    // A subscription that was closed by force can be resumed where it was.
    if (recovery === "resync" && code !== "ERR_CLOSED") this.#from = undefined
    this.#isOver = code === "ERR_UNAUTHENTICATED"
    const isTemporary = recovery !== "stop"
    this.#count = countFailed(this.#count, this.#options.clock.elapsed())
    const isFirst = this.#count.failures === 1
    if (isTemporary && isFirst) return
    this.#error = error
    this.#reported += 1
    this.changes.wake()
  }
}

/** Frames that one turn of the event loop takes. */
const FRAMES_PER_TURN = 256

const OPTION_RULES: OptionRules<MaterializerOptions<unknown, unknown>> = {
  subscribe: required(functionRule),
  makeView: required(functionRule),
  clock: required(objectRule),
  random: required(functionRule),
}
