import type { Clock, FetchResult, Position } from "@headwater/core"
import type { Answer } from "./answer.ts"
import type { CacheEvent, NotifyOptions } from "./cache-event.ts"
import type { Closing } from "./closing.ts"
import { fetchBackoffMs } from "./fetch-backoff.ts"
import { ageMs } from "./key-state.ts"
import { COOLING_MS } from "./limits.ts"
import { Patience } from "./patience.ts"
import { FetchFailedError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"
import type { Slot } from "./slot.ts"
import { Telling } from "./telling.ts"

/** What who follows needs of the cache. */
export interface NotifyHost<Value> {
  readonly clock: Clock
  readonly random: () => number
  readonly closing: Closing
  /** The slot of the entry. Throws `ClosedError`. */
  open(): Slot<Value>
  get(signal: AbortSignal): Promise<Answer<Value>>
  /** Reads past the cache. */
  read(since: Position | undefined, signal: AbortSignal): Promise<FetchResult<Value>>
}

type Events<Value> = AsyncGenerator<CacheEvent<Value>, void, undefined>

/** Follows an entry of a blocking type. */
export async function* followSlot<Value>(
  host: NotifyHost<Value>,
  type: RegisteredType<Value>,
  options: NotifyOptions,
): Events<Value> {
  const { clock, random } = host
  const telling = new Telling<Value>(options)
  const patience = until(host, options)
  let of: Slot<Value> | undefined
  let ended = 0
  let hit = true
  let isRested = false
  try {
    for (;;) {
      patience.signal.throwIfAborted()
      const slot = host.open()
      if (slot !== of) ended = 0
      of = slot
      const { state } = slot
      const { held, error } = state
      if (held && telling.isNews(held.position)) {
        const age = ageMs(state, type.rules, clock.elapsed())
        yield telling.value(held.value, { hit, ageMs: age, position: held.position })
        continue
      }
      const told = state.ended > ended ? telling.outcome(error) : undefined
      ended = state.ended
      if (told) {
        yield told
        continue
      }
      hit = false
      // Who refreshes by itself also rests by itself; else the resting is ours.
      const isOurs: boolean = state.phase === "idle" && error !== undefined && !isRested
      const restMs: number = isOurs ? fetchBackoffMs(state.failures, random()) : 0
      isRested = restMs > 0
      if (!isRested) slot.dispatch({ type: "want", isPatient: true })
      await news(slot, clock, restMs, patience.signal)
    }
  } finally {
    patience.end()
  }
}

/** Follows what is not kept, as it has no key: each follower reads for itself. */
export async function* followUncached<Value>(
  host: NotifyHost<Value>,
  options: NotifyOptions,
): Events<Value> {
  const { clock, random } = host
  const telling = new Telling<Value>(options)
  const patience = until(host, options)
  let since: Position | undefined
  let failures = 0
  try {
    for (;;) {
      patience.signal.throwIfAborted()
      const askedAt = clock.elapsed()
      let error: Error | undefined
      let isNews = false
      try {
        const {
          value,
          revision,
          epoch = "",
        } = await patience.during(host.read(since, patience.signal))
        const position = { epoch, revision: Math.max(1, revision) }
        failures = revision > 0 ? 0 : failures + 1
        if (value !== undefined && telling.isNews(position)) {
          since = position
          isNews = true
          yield telling.value(value, { hit: false, ageMs: 0, position })
        }
      } catch (reason) {
        patience.signal.throwIfAborted()
        error = reason as Error
        failures += 1
      }
      const told = telling.outcome(error)
      if (told) yield told
      const coolingMs = isNews || clock.elapsed() - askedAt >= COOLING_MS ? 0 : COOLING_MS
      const waitMs = Math.max(fetchBackoffMs(failures, random()), error ? 0 : coolingMs)
      if (waitMs > 0) await clock.sleep(waitMs, patience.signal)
    }
  } finally {
    patience.end()
  }
}

/** Follows an entry of a type that does not block, by looking again and again. */
export async function* poll<Value>(
  host: NotifyHost<Value>,
  type: RegisteredType<Value>,
  options: NotifyOptions,
  maxAgeMs: number,
): Events<Value> {
  const { clock, random } = host
  const telling = new Telling<Value>(options)
  const patience = until(host, options)
  let last: { readonly value: Value } | undefined
  let failures = 0
  try {
    for (;;) {
      patience.signal.throwIfAborted()
      let waitMs = 0
      let error: Error | undefined
      try {
        const { value, meta } = await host.get(patience.signal)
        const { position, ageMs } = meta
        failures = 0
        // What is just old enough to be shown is too old after the shortest wait.
        waitMs = Math.max(1, maxAgeMs - ageMs + (random() * maxAgeMs) / 16)
        const isNews = position !== undefined && telling.isNews(position)
        if (value !== undefined && (!last || isNews || !type.isSame(last.value, value))) {
          last = { value }
          yield telling.value(value, meta)
        }
      } catch (reason) {
        patience.signal.throwIfAborted()
        error = reason instanceof FetchFailedError ? reason.cause : (reason as Error)
        failures += 1
        waitMs = fetchBackoffMs(failures, random())
      }
      const told = telling.outcome(error)
      if (told) yield told
      if (waitMs > 0) await clock.sleep(waitMs, patience.signal)
    }
  } finally {
    patience.end()
  }
}

// Until something happens to the slot, or, if that is said, the time is over.
async function news(
  slot: Pick<Slot, "waiters">,
  clock: Clock,
  restMs: number,
  signal: AbortSignal,
): Promise<void> {
  const patience = new Patience(clock, restMs, signal)
  try {
    await slot.waiters.wait(patience.signal)
  } catch (reason) {
    if (!patience.isOver) throw reason
  } finally {
    patience.end()
  }
}

// Ends with its own signal, and with the cache.
function until<Value>({ clock, closing }: NotifyHost<Value>, { signal }: NotifyOptions): Patience {
  return new Patience(clock, undefined, signal, closing)
}
