import {
  type Clock,
  type FetchResult,
  isSyncError,
  LinkedAbort,
  type Position,
  untilAborted,
} from "@headwater/core"
import type { CacheAnswer } from "./answer.ts"
import type { CacheEntry } from "./cache-entry.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import { ageMs } from "./key-state.ts"
import { LastSent } from "./last-sent.ts"
import { COOLING_MS, READS_PER_TURN } from "./limits.ts"
import { FetchFailedError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"
import { countFailed, countWell, FETCH_RETRY, NO_FAILURES, retryWaitMs } from "./retry.ts"

/** The cache, as a follower sees it. */
export interface NotifyContext<Value> {
  readonly clock: Clock
  readonly random: () => number
  /** Aborted when the cache is closed. */
  readonly closing: AbortSignal
  /** The entry. Throws `ClosedError`, or `ReadThroughError` for lack of room. */
  open(): CacheEntry<Value>
  get(signal: AbortSignal): Promise<CacheAnswer<Value>>
  /** Reads past the cache. */
  read(since: Position | undefined, signal: AbortSignal): Promise<FetchResult<Value>>
}

type CacheEvents<Value> = AsyncGenerator<CacheEvent<Value>, void, undefined>

/** Follows an entry of a blocking type. */
export async function* followEntry<Value>(
  context: NotifyContext<Value>,
  type: RegisteredType<Value>,
  options: NotifyOptions,
): CacheEvents<Value> {
  const { clock, random } = context
  const last = new LastSent<Value>(options)
  const link = new LinkedAbort(options.signal, context.closing)
  let of: CacheEntry<Value> | undefined
  let release = () => {}
  let ended = 0
  let hit = true
  let isRested = false
  let reads = 0
  let full = NO_FAILURES
  try {
    for (;;) {
      link.signal.throwIfAborted()
      const opened = tryOpen(context)
      if (!("entry" in opened)) {
        // A table without room is waited for like an upstream without an answer.
        full = countFailed(full, clock.elapsed())
        const event = last.outcome(opened.error)
        if (event) yield event
        await clock.sleep(
          Math.max(COOLING_MS, retryWaitMs(FETCH_RETRY, full.failures, random())),
          link.signal,
        )
        continue
      }
      const { entry } = opened
      if (entry !== of) ended = 0
      of = entry
      const { state } = entry
      const { current, error } = state
      if (current && last.isNews(current.position)) {
        const age = ageMs(state, type.rules, clock.elapsed())
        const event = last.value(current.value, { hit, ageMs: age, position: current.position })
        release()
        yield event
        continue
      }
      const event = state.ended > ended ? last.outcome(error) : undefined
      ended = state.ended
      if (event) {
        release()
        yield event
        continue
      }
      hit = false
      // An entry that refreshes by itself also rests by itself; for others the follower rests.
      const isOurs: boolean = state.phase === "idle" && error !== undefined && !isRested
      const restMs: number = isOurs ? retryWaitMs(FETCH_RETRY, state.failures, random()) : 0
      isRested = restMs > 0
      const use = entry.use()
      release()
      release = use
      if (!isRested) entry.dispatch({ type: "want", isPatient: true })
      await news(entry, clock, restMs, link.signal)
      reads += 1
      if (reads % READS_PER_TURN === 0) await clock.yield()
    }
  } finally {
    release()
    link.unlink()
  }
}

/** Follows a request without a key, which is not kept: each follower reads for itself. */
export async function* followUncached<Value>(
  context: NotifyContext<Value>,
  options: NotifyOptions,
): CacheEvents<Value> {
  const { clock, random } = context
  const last = new LastSent<Value>(options)
  const link = new LinkedAbort(options.signal, context.closing)
  const { signal } = link
  let since: Position | undefined
  let reads = 0
  let count = NO_FAILURES
  try {
    for (;;) {
      signal.throwIfAborted()
      const askedAt = clock.elapsed()
      let error: Error | undefined
      let isNews = false
      try {
        const result = await untilAborted(context.read(since, signal), signal)
        const { value, revision, epoch = "" } = result
        const position = { epoch, revision: Math.max(1, revision) }
        const now = clock.elapsed()
        count = revision > 0 ? countWell(count, now) : countFailed(count, now)
        if (value !== undefined && last.isNews(position)) {
          // An upstream that begins anew with every answer is asked at most once a second.
          isNews = since === undefined || since.epoch === position.epoch
          since = position
          yield last.value(value, { hit: false, ageMs: 0, position })
        }
      } catch (reason) {
        signal.throwIfAborted()
        error = errorOf(reason)
        count = countFailed(count, clock.elapsed())
      }
      const event = last.outcome(error)
      if (event) yield event
      const isWell = count.healthySince !== undefined
      const coolingMs = isNews || error || clock.elapsed() - askedAt >= COOLING_MS ? 0 : COOLING_MS
      const backoffMs = isWell ? 0 : retryWaitMs(FETCH_RETRY, count.failures, random())
      const waitMs = Math.max(backoffMs, coolingMs)
      reads += 1
      if (waitMs > 0) await clock.sleep(waitMs, signal)
      else if (reads % READS_PER_TURN === 0) await clock.yield()
    }
  } finally {
    link.unlink()
  }
}

/** Follows an entry of a type that does not block, by polling. */
export async function* poll<Value>(
  context: NotifyContext<Value>,
  type: RegisteredType<Value>,
  options: NotifyOptions,
  maxAgeMs: number,
): CacheEvents<Value> {
  const { clock, random } = context
  const last = new LastSent<Value>(options)
  const link = new LinkedAbort(options.signal, context.closing)
  let shown: { readonly value: Value } | undefined
  let count = NO_FAILURES
  try {
    for (;;) {
      link.signal.throwIfAborted()
      let waitMs = 0
      let error: Error | undefined
      try {
        const { value, meta } = await context.get(link.signal)
        const { position } = meta
        count = countWell(count, clock.elapsed())
        waitMs = pollMs(maxAgeMs, meta.ageMs, random())
        const isNews = position !== undefined && last.isNews(position)
        if (value !== undefined && (!shown || isNews || !type.isSame(shown.value, value))) {
          shown = { value }
          yield last.value(value, meta)
        }
      } catch (reason) {
        link.signal.throwIfAborted()
        error = reason instanceof FetchFailedError ? reason.cause : errorOf(reason)
        count = countFailed(count, clock.elapsed())
        waitMs = retryWaitMs(FETCH_RETRY, count.failures, random())
      }
      const event = last.outcome(error)
      if (event) yield event
      if (waitMs > 0) await clock.sleep(waitMs, link.signal)
    }
  } finally {
    link.unlink()
  }
}

function tryOpen<Value>(
  context: NotifyContext<Value>,
): { readonly entry: CacheEntry<Value> } | { readonly error: Error } {
  try {
    return { entry: context.open() }
  } catch (error) {
    if (isSyncError(error) && error.code === "ERR_TOO_MANY") return { error }
    throw error
  }
}

// A value that is just young enough now is too old after the shortest wait.
function pollMs(maxAgeMs: number, ageMs: number, draw: number): number {
  if (maxAgeMs === Number.POSITIVE_INFINITY) return maxAgeMs
  return Math.max(1, maxAgeMs - ageMs + (draw * maxAgeMs) / 16)
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error || isSyncError(reason) ? reason : new Error(String(reason))
}

// Waits until the entry changes or, for a rest, until the time is over.
async function news(
  entry: Pick<CacheEntry, "waiters" | "state">,
  clock: Clock,
  restMs: number,
  signal: AbortSignal,
): Promise<void> {
  // The type's code was called, and may have dropped the entry, which then wakes no waiters.
  if (entry.state.phase === "gone") return
  const link = new LinkedAbort(signal)
  if (restMs > 0) link.abortAfter(clock, restMs)
  try {
    await entry.waiters.wait(link.signal)
  } catch (reason) {
    if (!link.isLate) throw reason
  } finally {
    link.unlink()
  }
}
