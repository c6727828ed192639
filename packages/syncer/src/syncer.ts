import type { SnapshotCache } from "@headwater/cache"
import {
  assert,
  type Clock,
  isSyncError,
  type ListRequest,
  type Revision,
  type Source,
  SourceError,
  Waiters,
} from "@headwater/core"
import { Activity, codeOf, readAll, weightOf } from "./activity.ts"
import { Ahead } from "./ahead.ts"
import { backoffMs } from "./backoff.ts"
import { SYNCER_LIMITS, type SyncerLimits } from "./limits.ts"
import { LinkedAbort } from "./linked-abort.ts"
import { merge } from "./merge.ts"
import { question } from "./question.ts"
import { type Answer, type Effect, IDLE, type SyncEvent, type SyncState } from "./sync-state.ts"

/** What a syncer does to a cache, such as a `SnapshotCache`. One call ends before the next. */
export type SyncTarget = Pick<
  SnapshotCache,
  | "renew"
  | "beginResync"
  | "applyList"
  | "applyCommits"
  | "endResync"
  | "progress"
  | "setStatus"
  | "contact"
>

/** Says a line, with facts beside it, to whoever keeps the log. */
export type SyncerLog = (line: string, fields?: Readonly<Record<string, unknown>>) => void

/** What a syncer is made with. */
export interface SyncerOptions {
  readonly source: Source
  readonly cache: SyncTarget
  readonly clock: Clock
  /** Numbers from 0 to below 1, for back-off and for names of lives. */
  readonly random: () => number
  /** What else decides which entries are shown: prefix, value kind, validator and its version. */
  readonly epochSalt: string
  readonly log?: SyncerLog
  readonly limits?: Partial<SyncerLimits>
}

/** Long enough to be worth a turn of the event loop, short enough that nobody waits for it. */
const SLICE_MS = 5

/** A list may be a page ahead of the cache; a question and a pause have one word to say. */
const MAIN_BOUNDS = { itemsMax: 2, weightMax: Number.POSITIVE_INFINITY }

/**
 * Keeps a cache in step with a source, until it is stopped: list, then watch; watch again when the
 * connection is lost, list again when history is; a new epoch when the source is another one.
 *
 * What to do is decided in `merge`. Here it is done: one effect after the other, so that the cache
 * is written by one writer, and a slow cache holds back the watch and not memory.
 *
 * Failures of the source are not thrown: they are the status `stale`, and it tries again.
 */
export class Syncer {
  readonly #options: SyncerOptions
  readonly #limits: SyncerLimits
  readonly #arrived = new Waiters()
  readonly #running = new Set<Promise<void>>()
  #state: SyncState = IDLE
  /** What the syncer tells itself: timers, wishes, failures of the cache. */
  #own: SyncEvent[] = []
  #main: Activity | undefined
  #watch: Activity | undefined
  #probe: Activity | undefined
  #timers: (() => void)[] = []
  readonly #ahead: Ahead

  constructor(options: SyncerOptions) {
    this.#options = options
    const limits = { ...SYNCER_LIMITS, ...options.limits }
    this.#limits = limits
    this.#ahead = new Ahead({
      ...options,
      limits,
      contiguous: () => this.#state.held.contiguous,
      request: (revision) => this.#post({ type: "requested", revision }),
    })
  }

  /** Where it stands. A value: it does not change under whoever looks at it. */
  get state(): SyncState {
    return this.#state
  }

  /**
   * Runs until `signal` is aborted, and resolves when nothing of it is open any more. Once.
   *
   * Rejects only when the cache fails in a way that is no operating error.
   */
  async run(signal: AbortSignal): Promise<void> {
    assert(this.#state.phase.name === "idle", "a syncer runs once")
    const { clock } = this.#options
    let sliceBegan = clock.elapsed()
    try {
      await this.#handle({ type: "start" })
      while (!signal.aborted) {
        const event = this.#next()
        if (event !== undefined) await this.#handle(event)
        else await this.#arrived.wait(signal).catch(() => {})
        if (clock.elapsed() - sliceBegan < SLICE_MS) continue
        await clock.yield()
        sliceBegan = clock.elapsed()
      }
    } finally {
      this.#ahead.close()
      await this.#handle({ type: "stop" })
      await Promise.all(this.#running)
    }
  }

  /**
   * Asks the source whether it has reached `revision`, for a reader whose position is ahead of this
   * hub. Asks again while the source does not answer. When it has, and the watch tells nothing (a
   * prefix in which nothing happens), the syncer lists at that revision.
   *
   * @returns whether the source is there. It is asked anew, so `false` is final.
   */
  revisionAtLeast(revision: Revision, signal: AbortSignal): Promise<boolean> {
    return this.#ahead.reaches(revision, signal)
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
    const { cache, epochSalt } = this.#options
    const { errorsMax } = this.#limits
    const { state, effects } = merge(this.#state, event, { epochSalt, errorsMax })
    this.#state = state
    this.#note(event)
    if (isWordOfSource(event)) cache.contact()
    try {
      for (const effect of effects) await this.#do(effect)
    } catch (error) {
      if (!isSyncError(error) || error.recovery === "stop") throw error
      this.#post({ type: "failed", code: error.code, error })
    }
  }

  #do(effect: Effect): Promise<void> | void {
    const { cache } = this.#options
    switch (effect.type) {
      case "ask":
        return this.#replaceMain((self) => this.#ask(self))
      case "pause":
        return this.#replaceMain((self) => this.#pause(self, effect.attempt))
      case "list":
        return this.#replaceMain((self) => this.#list(self, effect.request))
      case "watch":
        return this.#replaceWatch(effect.from)
      case "probe":
        this.#probe?.end()
        this.#probe = this.#begin((self) => this.#ask(self))
        return
      case "observe":
        return this.#observe()
      case "end":
        return this.#endAll()
      case "renew":
        this.#options.log?.("a life of the source begins", { epoch: effect.epoch })
        return cache.renew(effect.epoch)
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
        this.#options.log?.(`status: ${effect.status}`, effect.code ? { code: effect.code } : {})
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
    this.#watch = this.#begin((self) => this.#readWatch(self, from), bounds)
  }

  #begin(body: (self: Activity) => Promise<void>, bounds = MAIN_BOUNDS): Activity {
    const activity = new Activity(body, bounds, () => this.#arrived.wake())
    this.#running.add(activity.ended)
    void activity.ended.then(() => this.#running.delete(activity.ended))
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
    this.#probe?.end()
    this.#probe = undefined
    this.#watch?.end()
    this.#watch = undefined
  }

  async #ask(self: Activity): Promise<void> {
    await self.report({ type: "asked", ...(await this.#question(self.signal)) })
  }

  #question(signal: AbortSignal): Promise<Answer> {
    const { source, clock, random } = this.#options
    const { askMs } = this.#limits
    const held = () => this.#state.held
    return question({ source, clock, random, askMs, held }, signal)
  }

  async #pause(self: Activity, attempt: number): Promise<void> {
    const { clock, random } = this.#options
    await clock.sleep(backoffMs(attempt, this.#limits, random), self.signal)
    await self.report({ type: "resumed" })
  }

  async #list(self: Activity, request: ListRequest): Promise<void> {
    const { source, clock } = this.#options
    const silenceMs = this.#limits.listSilenceMs
    const link = new LinkedAbort(self.signal)
    const onSilence = () => link.abort(new SourceError(`no page for ${silenceMs} ms`))
    try {
      const pages = source.list(request, link.signal)
      await readAll(pages, { clock, silenceMs, onSilence }, (page) =>
        self.report({ type: "page", page }),
      )
    } finally {
      link.unlink()
    }
    await self.report({ type: "listed", ...(await this.#question(self.signal)) })
  }

  async #readWatch(self: Activity, from: Revision): Promise<void> {
    const { source, clock } = this.#options
    const silenceMs = this.#limits.watchSilenceMs
    const onSilence = () => this.#watch === self && this.#post({ type: "silence" })
    let verified = false
    let lost = false
    await readAll(
      source.watch(from, self.signal),
      { clock, silenceMs, onSilence },
      async (event) => {
        if (!verified)
          await self.report({ type: "verified", ...(await this.#question(self.signal)) })
        verified = true
        lost ||= event.type === "lost"
        await self.report(event, weightOf(event))
      },
    )
    if (!lost) await self.report({ type: "lost", reason: "closed" })
  }

  #observe(): void {
    const { clock } = this.#options
    const { settleMs, healthyMs } = this.#limits
    this.#timers.push(
      clock.after(settleMs, () => this.#post({ type: "settled" })),
      clock.after(healthyMs, () => this.#post({ type: "healthy" })),
    )
  }

  #note(event: SyncEvent): void {
    const { log, source } = this.#options
    if (event.type === "lost") {
      log?.(`the watch of ${source.name} was lost: ${event.reason}`, fieldsOf(event.error))
    } else if (event.type === "refused") {
      log?.(`${source.name} failed: ${codeOf(event.error)}`, fieldsOf(event.error))
    } else if (event.type === "failed") {
      log?.(`the cache could not take what ${source.name} told`, fieldsOf(event.error))
    }
  }
}

function isWordOfSource(event: SyncEvent): boolean {
  const { type } = event
  return type === "asked" || type === "page" || type === "commits" || type === "progress"
}

function fieldsOf(error: unknown): Readonly<Record<string, unknown>> {
  return error instanceof Error ? { error: error.message } : {}
}
