import type { CacheRequest, Position } from "@headwater/core"
import { type FailureCount, NO_FAILURES } from "./fetch-backoff.ts"

/**
 * What goes on for a key. At most one thing does.
 *
 *   idle       nothing
 *   throttled  a read waits for the rate limits
 *   fetching   a read is out
 *   resting    before the next refresh: after failures, or because the type wants it
 *   cooling    upstream answered at once and with nothing new: nobody asks it now
 *   gone       dropped; whoever still waits was woken
 */
export type Phase = "idle" | "throttled" | "fetching" | "resting" | "cooling" | "gone"

/** What a key's type says about it, with every default filled in. */
export interface KeyRules {
  readonly blocking: boolean
  readonly refresh: boolean
  readonly refreshMs: number
  readonly queryTimeoutMs: number
}

/** Everything that is known of a key. A value: a step makes a new one. */
export interface KeyState<Value = unknown> extends FailureCount {
  readonly phase: Phase
  /** Reads that were begun. An answer to another one than the last is not heard. */
  readonly attempt: number
  /** The last read that ended. */
  readonly ended: number
  /** When the last read began, and since where. */
  readonly askedAt: number
  readonly askedSince: Position | undefined
  /** What is held; absent until a first read brings it. */
  readonly held: Held<Value> | undefined
  /** The type's own. */
  readonly state: unknown
  /** Why the last read failed; newer than what is held. */
  readonly error: Error | undefined
  /** Since when refreshing fails. */
  readonly lostContactAt: number | undefined
  /** Whether somebody came while it was cooling. */
  readonly isWanted: boolean
  /** Whether no read may begin any more. */
  readonly isClosing: boolean
}

/** A value, where upstream was, and when it was read, `elapsed` ms. */
export interface Held<Value = unknown> {
  readonly value: Value
  readonly position: Position
  readonly fetchedAt: number
  /** What the value counts for in the bound of the cache. */
  readonly bytes: number
}

/** A key that nobody has asked for yet. */
export const NEW_KEY: KeyState<never> = {
  phase: "idle",
  attempt: 0,
  ended: 0,
  askedAt: 0,
  askedSince: undefined,
  ...NO_FAILURES,
  held: undefined,
  state: undefined,
  error: undefined,
  lostContactAt: undefined,
  isWanted: false,
  isClosing: false,
}

/** What decides whether what is held will do. */
export type Wish = Pick<CacheRequest, "since" | "maxAgeMs" | "mustRevalidate">

/**
 * Whether what is held answers a request.
 *
 * Types that do not block know no `since`; types that refresh know neither age nor revalidation,
 * and a read that is out is revalidation enough. A position of another epoch than the one that is
 * held is answered: that is news. Source: Consul `getEntryLocked`.
 */
export function satisfies<Value>(
  { held, phase }: KeyState<Value>,
  { blocking, refresh }: KeyRules,
  { since, maxAgeMs = 0, mustRevalidate = false }: Wish,
  now: number,
): boolean {
  if (held === undefined) return false
  if (blocking && since !== undefined && since.revision > 0 && !isAfter(held.position, since)) {
    return false
  }
  if (refresh) return true
  if (maxAgeMs > 0 && now - held.fetchedAt > maxAgeMs) return false
  return !mustRevalidate || phase === "throttled" || phase === "fetching"
}

/** Whether a position is news to who was at another one: later, or in another epoch. */
export function isAfter(position: Position, since: Position): boolean {
  return position.epoch !== since.epoch || position.revision > since.revision
}

/**
 * Whether upstream began anew between two positions: another epoch, or, where it knows none, a
 * revision that went back.
 */
export function isReset(from: Position, to: Position): boolean {
  return from.epoch !== to.epoch || (to.epoch === "" && to.revision < from.revision)
}

/**
 * Whether what is at a position is to be told to who was at `since`. One that is behind, in one
 * epoch, comes from an upstream that lags: it is not.
 */
export function isNews(since: Position, position: Position): boolean {
  return isAfter(position, since) || isReset(since, position)
}

/** How old what is held is, ms: of types that refresh, for how long that has failed. */
export function ageMs(
  { held, lostContactAt }: KeyState,
  { refresh }: KeyRules,
  now: number,
): number {
  const since = refresh ? lostContactAt : held?.fetchedAt
  return since === undefined ? 0 : now - since
}
