import { assert, type CacheRequest, type Position } from "@headwater/core"
import { type FailureCount, NO_FAILURES } from "./retry.ts"

/**
 * The activity of a key. At most one goes on.
 *
 *   idle       nothing
 *   throttled  a read waits for the rate limits
 *   fetching   a read is in flight
 *   resting    before the next refresh: after failures, or because the type wants it
 *   cooling    upstream answered at once and with nothing new: no read begins now
 *   gone       dropped; its waiters were woken
 */
export type KeyPhase = "idle" | "throttled" | "fetching" | "resting" | "cooling" | "gone"

/** The rules of a key's type, with every default filled in. */
export interface KeyRules {
  readonly blocking: boolean
  readonly refresh: boolean
  readonly refreshMs: number
  readonly queryTimeoutMs: number
}

/** The state of a key. A value: a step makes a new one. */
export interface KeyState<Value = unknown> extends FailureCount {
  readonly phase: KeyPhase
  /** Reads that were begun. Only the answer to the last one counts. */
  readonly attempt: number
  /** The last read that ended. */
  readonly ended: number
  /** The start of the last read, `elapsed` ms, and its `since`. */
  readonly askedAt: number
  readonly askedSince: Position | undefined
  /** The current value; absent until a first read brings it. */
  readonly current: CurrentValue<Value> | undefined
  /** The type's own state. */
  readonly state: unknown
  /** The error of the last read, if it failed; newer than the current value. */
  readonly error: Error | undefined
  /** The first failure of a refresh since the last contact, `elapsed` ms. */
  readonly lostContactAt: number | undefined
  /** A caller asked while it was cooling. */
  readonly isWanted: boolean
  /** No read may begin any more. */
  readonly isClosing: boolean
}

/** A value, its position upstream, and the end of its read, `elapsed` ms. */
export interface CurrentValue<Value = unknown> {
  readonly value: Value
  readonly position: Position
  readonly fetchedAt: number
  /** The value's bytes, for the bound of the cache. */
  readonly bytes: number
}

/** The state of a new key. */
export const NEW_KEY: KeyState<never> = {
  phase: "idle",
  attempt: 0,
  ended: 0,
  askedAt: 0,
  askedSince: undefined,
  ...NO_FAILURES,
  current: undefined,
  state: undefined,
  error: undefined,
  lostContactAt: undefined,
  isWanted: false,
  isClosing: false,
}

/** A caller's demands on the freshness of a value. */
export type Freshness = Pick<CacheRequest, "since" | "maxAgeMs" | "mustRevalidate">

/**
 * Returns whether the current value answers a request.
 *
 * Types that do not block ignore `since`. Types that refresh ignore age and revalidation. A read in
 * flight is revalidation enough. A value of another epoch than `since` is news, and answers it.
 * Source: Consul `getEntryLocked`.
 */
export function satisfies<Value>(
  { current, phase }: KeyState<Value>,
  { blocking, refresh }: KeyRules,
  { since, maxAgeMs = 0, mustRevalidate = false }: Freshness,
  now: number,
): boolean {
  if (current === undefined) return false
  if (blocking && since !== undefined && since.revision > 0 && !isAfter(current.position, since)) {
    return false
  }
  if (refresh) return true
  if (maxAgeMs > 0 && now - current.fetchedAt > maxAgeMs) return false
  return !mustRevalidate || phase === "throttled" || phase === "fetching"
}

/** Returns whether a position is later than another, or in another epoch. */
export function isAfter(position: Position, since: Position): boolean {
  return position.epoch !== since.epoch || position.revision > since.revision
}

/**
 * Returns whether upstream began anew between two positions: another epoch, or, without epochs, a
 * revision that went back.
 */
export function isReset(from: Position, to: Position): boolean {
  return from.epoch !== to.epoch || (to.epoch === "" && to.revision < from.revision)
}

/**
 * Returns whether a value at `position` is news to a follower at `since`. A value that is behind,
 * in one epoch, comes from an upstream that lags: it is not.
 */
export function isNews(since: Position, position: Position): boolean {
  return isAfter(position, since) || isReset(since, position)
}

/** Asserts what holds of every state of a key, between two steps. */
export function assertKeyState({ phase, attempt, ended, ...rest }: KeyState): void {
  assert(ended <= attempt, "a read ends after it began")
  assert(phase !== "fetching" || ended < attempt, "a read in flight is the last one")
  assert(!rest.isClosing || phase !== "throttled", "no read begins while the cache closes")
  assert(rest.failures > 0 || rest.error === undefined, "an error is a failure")
  assert(rest.lostContactAt === undefined || rest.error !== undefined, "lost contact has an error")
}

/** The age of the current value, ms. For types that refresh: the time since contact was lost. */
export function ageMs(
  { current, lostContactAt }: KeyState,
  { refresh }: KeyRules,
  now: number,
): number {
  const since = refresh ? lostContactAt : current?.fetchedAt
  return since === undefined ? 0 : now - since
}
