import { assert, isSyncError, type Revision, Waiters } from "@headwater/core"
import { Activity } from "./activity.ts"
import { checkSyncerOptions } from "./check-options.ts"
import { epochOf, incarnationOf, knownEpochsOf } from "./epoch.ts"
import type { SyncerLimits } from "./limits.ts"
import { assertInvariants } from "./merge/invariants.ts"
import { merge } from "./merge/merge.ts"
import type { SyncState } from "./merge/sync-state.ts"
import { type CacheEffect, type Effect, IDLE, type SyncEvent } from "./merge/sync-state.ts"
import { guarded, type SyncerObserver } from "./observer.ts"
import { OutageLog } from "./outage-log.ts"
import { Reading } from "./reading.ts"
import { RevisionWait } from "./revision-wait.ts"
import type { SyncerOptions } from "./syncer-options.ts"

/** Long enough to be worth a turn of the event loop, short enough to delay no other work. */
const SLICE_MS = 5

/** A list may be a page ahead of the cache; a question and a pause have one word to say. */
const MAIN_BOUNDS = { itemsMax: 2, weightMax: Number.POSITIVE_INFINITY }

/** These are of the watch that is open, and go with it. */
const OF_A_WATCH = new Set<SyncEvent["type"]>(["settled", "healthy", "silence"])

const CONTACTS = new Set<SyncEvent["type"]>([
  "asked",
  "page",
  "listed",
  "verified",
  "commits",
  "progress",
])

/**
 * Keeps a cache in step with a source, until it is stopped: list, then watch; watch again when the
 * connection is lost, list again when history is; a new epoch when the source is another one.
 *
 * What to do is decided in `merge`. Here it is done: one effect after the other, so that the cache
 * is written by one writer, and a slow cache holds back the watch and not memory.
 *
 * Failures of the source are not thrown: they are the status `stale`, and it tries again; unless
 * an error says by its `recovery` that nothing can be done.
 */
export class Syncer {
  readonly #options: SyncerOptions
  readonly #limits: SyncerLimits
  readonly #arrived = new Waiters()
  readonly #running = new Set<Promise<void>>()
  #state: SyncState = IDLE
  /** Events of the syncer's own: timers, requests of readers, failures of the cache. */
  #own: SyncEvent[] = []
  #main: Activity | undefined
  #watch: Activity | undefined
  #probe: Activity | undefined
  /** The timers of the watch that is open: `settled` and `healthy`. */
  #timers: (() => void)[] = []
  #disarmStaleTimer = () => {}
  #once = false
  #failure: { readonly error: unknown } | undefined
  readonly #reading: Reading
  readonly #revisionWait: RevisionWait
  readonly #outages: OutageLog | undefined
  readonly #observer: SyncerObserver | undefined

  constructor(options: SyncerOptions) {
    this.#options = options
    const limits = checkSyncerOptions(options)
    this.#limits = limits
    const { log, source, clock } = options
    this.#outages = log && new OutageLog(source.name, clock, log)
    this.#observer = guarded(options.observer)
    const held = () => this.#state.held
    this.#reading = new Reading({ ...options, limits, held })
    this.#revisionWait = new RevisionWait({
      ...options,
      limits,
      contiguous: () => this.#state.held.contiguous,
      request: (revision) => this.#post({ type: "requested", revision }),
    })
  }

  /** The present state. A value: it does not change later. */
  get state(): SyncState {
    return this.#state
  }

  /** Asserts what holds between two events. For tests: see `assertInvariants` of `merge/`. */
  assertInvariants(): void {
    assertInvariants(this.#state)
  }

  /**
   * Runs until `signal` is aborted, and resolves when everything that it opened is closed. Call it
   * once.
   *
   * Rejects when the cache fails with an unexpected error, and when the source throws an error
   * whose `recovery` is `stop`; the status is then `stale`.
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#run(signal, false)
  }

  /**
   * Lists once, serves that, and resolves with its revision when nothing is open any more: a copy
   * of the source, that does not follow it. A list of a replica that lags is read again.
   *
   * Rejects with the first failure of the source or the cache, and with `signal.reason`.
   */
  async once(signal: AbortSignal): Promise<Revision> {
    await this.#run(signal, true)
    if (signal.aborted) throw signal.reason
    return this.#state.held.contiguous
  }

  /**
   * Asks the source whether it has reached `revision`, for a reader whose position is ahead of this
   * hub. Asks again while the source does not answer. When the source has reached it and the watch
   * is silent (nothing changes under the prefix), the syncer lists at that revision.
   *
   * @returns whether the source is there. It is asked anew, so `false` is final.
   */
  revisionAtLeast(revision: Revision, signal: AbortSignal): Promise<boolean> {
    return this.#revisionWait.reaches(revision, signal)
  }

  async #run(signal: AbortSignal, once: boolean): Promise<void> {
    assert(this.#state.phase.name === "idle", "a syncer runs once")
    const { clock } = this.#options
    this.#once = once
    let sliceBegan = clock.elapsed()
    try {
      await this.#handle(this.#start())
      while (!signal.aborted && !this.#isStopped()) {
        const event = this.#next()
        if (event !== undefined) await this.#handle(event)
        else await this.#arrived.wait(signal).catch(() => {})
        if (clock.elapsed() - sliceBegan < SLICE_MS) continue
        await clock.yield()
        sliceBegan = clock.elapsed()
      }
    } finally {
      this.#revisionWait.close()
      this.#disarmStaleTimer()
      await this.#handle({ type: "stop" })
      await Promise.all(this.#running)
    }
    if (this.#failure !== undefined) throw this.#failure.error
  }

  #start(): SyncEvent {
    const { epoch, contiguous, metadata } = this.#options.cache
    if (epoch === undefined || metadata === undefined) return { type: "start" }
    const known = knownEpochsOf(metadata)
    const isServed = epochOf(known.sourceEpoch, this.#epochSalt) === epoch
    const incarnation = incarnationOf(this.#options.random)
    return { type: "start", kept: { ...known, contiguous: isServed ? contiguous : 0, incarnation } }
  }

  get #epochSalt(): string | undefined {
    const { source, epochSalt } = this.#options
    return source.namesEpochs ? undefined : epochSalt
  }

  #isStopped(): boolean {
    return this.#state.phase.name === "stopped"
  }

  // What the watch says waits while a list is read.
  #next(): SyncEvent | undefined {
    const event = this.#own.shift() ?? this.#main?.take(1) ?? this.#probe?.take(1)
    if (event !== undefined || this.#state.phase.name !== "watching") return event
    return this.#watch?.take(this.#limits.batchCommitsMax)
  }

  #post(event: SyncEvent): void {
    this.#own.push(event)
    this.#arrived.wake()
  }

  async #handle(event: SyncEvent): Promise<void> {
    const { cache } = this.#options
    const { epochPerHub = false } = this.#options.source
    const own = { epochSalt: this.#epochSalt, epochPerHub, once: this.#once }
    const settings = { ...this.#limits, ...own }
    const { state, effects } = merge(this.#state, event, settings)
    this.#state = state
    this.#note(event)
    if (CONTACTS.has(event.type)) cache.contact()
    try {
      for (const effect of effects) await this.#do(effect)
    } catch (error) {
      if (!isSyncError(error) || error.recovery === "stop") throw error
      this.#post({ type: "failed", code: error.code, error })
    }
  }

  #do(effect: Effect): Promise<void> | void {
    const { clock } = this.#options
    switch (effect.type) {
      case "ask":
        return this.#replaceMain((self) => this.#reading.ask(self))
      case "pause":
        return this.#replaceMain((self) => this.#reading.pause(self, effect))
      case "rest":
        return this.#replaceMain((self) => this.#reading.rest(self))
      case "list":
        return this.#replaceMain((self) => this.#reading.list(self, effect.request))
      case "watch":
        this.#observer?.onWatch?.()
        return this.#replaceWatch(effect.from)
      case "probe":
        this.#probe?.end()
        this.#probe = this.#begin((self) => this.#reading.ask(self))
        return
      case "arm-health-timers":
        this.#armTimer("healthy", this.#limits.healthyMs)
        return this.#armTimer("settled", this.#limits.settleMs)
      case "arm-settle-timer":
        return this.#armTimer("settled", this.#limits.settleMs)
      case "arm-stale-timer":
        this.#disarmStaleTimer()
        this.#disarmStaleTimer = clock.after(this.#limits.staleAfterMs, () =>
          this.#post({ type: "overdue" }),
        )
        return
      case "disarm-stale-timer":
        return this.#disarmStaleTimer()
      case "end":
        return this.#endAll()
      case "fail":
        this.#failure = { error: effect.error }
        return
      default:
        return this.#doToCache(effect)
    }
  }

  #doToCache(effect: CacheEffect): Promise<void> | void {
    const { cache } = this.#options
    switch (effect.type) {
      case "renew":
        this.#options.log?.("new epoch", { epoch: effect.epoch })
        this.#observer?.onEpoch?.(effect.epoch)
        return cache.renew(effect.epoch, effect.memo)
      case "begin-resync":
        return cache.beginResync()
      case "apply-list":
        return cache.applyList(effect.page)
      case "apply-commits":
        return cache.applyCommits(effect.commits)
      case "end-resync":
        return cache.endResync(effect.revision)
      case "progress":
        return cache.progress(effect.revision)
      case "status":
        this.#outages?.status(effect.status)
        return cache.setStatus(effect.status, effect.code)
    }
  }

  #replaceMain(body: (self: Activity) => Promise<void>): void {
    this.#endAll()
    this.#main = this.#begin(body)
  }

  #replaceWatch(from: Revision): void {
    this.#endWatch()
    const { queueEventsMax, queueBytesMax } = this.#limits
    const bounds = { itemsMax: queueEventsMax, weightMax: queueBytesMax }
    this.#watch = this.#begin((self) => {
      const onSilence = () => this.#watch === self && this.#post({ type: "silence" })
      return this.#reading.watch(self, from, onSilence)
    }, bounds)
  }

  #begin(body: (self: Activity) => Promise<void>, bounds = MAIN_BOUNDS): Activity {
    const activity = new Activity(body, bounds, () => this.#arrived.wake())
    this.#running.add(activity.ended)
    // oxlint-disable-next-line typescript/no-floating-promises -- `ended` never rejects.
    activity.ended.then(() => this.#running.delete(activity.ended))
    return activity
  }

  #endAll(): void {
    this.#main?.end()
    this.#main = undefined
    this.#endWatch()
  }

  #endWatch(): void {
    for (const cancel of this.#timers) cancel()
    this.#timers = []
    this.#own = this.#own.filter(({ type }) => !OF_A_WATCH.has(type))
    this.#probe?.end()
    this.#probe = undefined
    this.#watch?.end()
    this.#watch = undefined
  }

  #armTimer(type: "settled" | "healthy", ms: number): void {
    this.#timers.push(this.#options.clock.after(ms, () => this.#post({ type })))
  }

  #note(event: SyncEvent): void {
    const { name } = this.#options.source
    if (event.type === "healthy" || (event.type === "lost" && event.reason === "unsupported")) {
      this.#outages?.healthy()
    } else if (event.type === "lost") {
      this.#observer?.onFailure?.(event.code ?? "ERR_SOURCE_FAILED")
      this.#outages?.failed(`the watch of ${name} ended (${event.reason})`, event.error)
    } else if (event.type === "refused") {
      this.#observer?.onFailure?.(event.code)
      this.#outages?.failed(`${name} failed (${event.code})`, event.error)
    } else if (event.type === "failed") {
      this.#observer?.onFailure?.(event.code)
      this.#outages?.failed(`the cache refused what ${name} sent (${event.code})`, event.error)
    }
  }
}
