import {
  type CacheRequest,
  type Clock,
  ClosedError,
  LinkedAbort,
  untilAborted,
} from "@headwater/core"
import { type CacheAnswer, EMPTY_META } from "./answer.ts"
import type { CacheEntry } from "./cache-entry.ts"
import { ageMs, type CurrentValue, type Freshness, isReset, satisfies } from "./key-state.ts"
import { READS_PER_TURN } from "./limits.ts"
import type { ReadThroughObserver } from "./observer.ts"
import { FetchFailedError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"

/** The cache, as a get sees it. */
export interface GetContext {
  readonly clock: Clock
  /** Aborted when the cache is closed. */
  readonly closing: AbortSignal
  readonly observer: ReadThroughObserver | undefined
  /** The entry of a request. Throws `ClosedError`, or `ReadThroughError` for lack of room. */
  open<Value>(type: RegisteredType<Value>, request: CacheRequest): CacheEntry<Value>
}

/** Answers a get from its entry: from the current value, or by waiting for reads. */
export async function getEntry<Value>(
  context: GetContext,
  type: RegisteredType<Value>,
  request: CacheRequest,
  signal: AbortSignal | undefined,
): Promise<CacheAnswer<Value>> {
  const { clock, observer } = context
  const { rules } = type
  let freshness: Freshness = request
  let before: CurrentValue<Value> | undefined
  let link: LinkedAbort | undefined
  let release = () => {}
  let reads = 0
  try {
    for (let hit = true; ; hit = false) {
      const entry = context.open(type, request)
      const { state } = entry
      const { current, error } = state
      // A reset while the caller waits is news, however small the revision.
      if (before && current && isReset(before.position, current.position)) {
        freshness = { ...freshness, since: undefined }
      }
      const now = clock.elapsed()
      const meta = { hit, ageMs: ageMs(state, rules, now), position: current?.position }
      if (satisfies(state, rules, freshness, now)) {
        if (hit) observer?.onHit?.(type.name)
        return { value: current?.value, meta }
      }
      if (!hit && error) throw new FetchFailedError(error, current?.value, meta)
      if (hit) observer?.onMiss?.(type.name, freshness.since?.revision ? "block" : "new")
      // In use until this caller has looked at the value that it was woken for.
      const use = entry.use()
      release()
      release = use
      link ??= deadline(clock, request.timeoutMs, signal)
      if ((await waitForRead(entry, link, context.closing)) === "late") {
        const age = ageMs(state, rules, clock.elapsed())
        return { value: current?.value, meta: { ...meta, hit: false, ageMs: age } }
      }
      // Upstream may have ever more news, all of it too old: other tasks have their turn.
      reads += 1
      if (reads % READS_PER_TURN === 0) await clock.yield()
      // One read since the call is revalidation enough.
      freshness = { ...freshness, mustRevalidate: false }
      before = current
    }
  } finally {
    release()
    link?.unlink()
  }
}

/** Answers a get without a key by a read past the cache. */
export async function getUncached<Value>(
  { clock, closing, observer }: GetContext,
  type: RegisteredType<Value>,
  request: CacheRequest,
  signal: AbortSignal | undefined,
): Promise<CacheAnswer<Value>> {
  closing.throwIfAborted()
  observer?.onBypass?.(type.name)
  const options = { request, since: request.since, waitMs: 0, last: undefined }
  const link = deadline(clock, request.timeoutMs, signal)
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

// Makes sure that a read comes, and waits for its end.
async function waitForRead(
  entry: Pick<CacheEntry, "dispatch" | "state" | "waiters">,
  link: LinkedAbort,
  closing: AbortSignal,
): Promise<"read" | "late"> {
  entry.dispatch({ type: "want", isPatient: false })
  // The type's code was called, and may have dropped the entry, which then wakes no waiters.
  if (entry.state.phase === "gone") return "read"
  if (entry.state.phase !== "fetching") closing.throwIfAborted()
  try {
    await entry.waiters.wait(link.signal)
    return "read"
  } catch (reason) {
    if (link.isLate) return "late"
    throw reason
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
