import { assert } from "@headwater/core"

/** The times of a drain, in ms. */
export interface DrainPlan {
  /** Time for which the hub serves on as before, while a balancer learns that it is not ready. */
  readonly delayMs: number
  /** Time after that in which the readers are told to leave, one after another. */
  readonly timeMs: number
}

/**
 * The phases of a drain:
 *
 *   serving   not ordered
 *   waiting   the hub is not ready, and serves on; new readers are taken
 *   leaving   readers are told to go, evenly over the time; new ones are sent away
 *   over      no reader is left
 */
export type DrainPhase = "serving" | "waiting" | "leaving" | "over"

/** The facts of a drain on which its next step depends. Times are of `Clock.elapsed`. */
export interface DrainState {
  readonly phase: DrainPhase
  /** When the phase began. */
  readonly since: number
  /** Readers at the beginning of `leaving`. */
  readonly readers: number
  /** Readers told to leave, and when the last of them was. */
  readonly told: number
  readonly toldAt: number
}

/** The hub as of a look at it. */
export interface DrainFacts {
  readonly now: number
  /** Streams open now, whether or not they have been told. */
  readonly open: number
}

/** The result of a step. */
export interface DrainStep {
  readonly state: DrainState
  /** Readers to be told now. */
  readonly tell: number
  /** The time is over: those that have not gone are cut. */
  readonly cut: boolean
  /** Time until the next look, in ms; `undefined` when there is none. */
  readonly lookMs: number | undefined
}

/** The share of the time in which readers are told; the rest is for the last to go. */
const LEAVING_SHARE = 0.95

/** Longest time between two readers: a few readers need not take the whole time. */
const INTERVAL_MS_MAX = 100

/** Least time between two looks; readers that are due meanwhile are told together. */
const LOOK_MS_MIN = 10

/** Time that the last reader has to take its goodbye, at the least, unless the drain has none. */
const LAST_MS_MIN = 250

/** The state of a hub that serves. */
export const SERVING: DrainState = { phase: "serving", since: 0, readers: 0, told: 0, toldAt: 0 }

/** Returns the state of a hub whose drain is ordered now. A second order changes nothing. */
export function orderDrain(state: DrainState, now: number): DrainState {
  return state.phase === "serving" ? { ...SERVING, phase: "waiting", since: now } : state
}

/** Decides what a drain that was ordered does now. Pure. */
export function drainStep(state: DrainState, plan: DrainPlan, facts: DrainFacts): DrainStep {
  assert(state.phase !== "serving", "a drain is ordered before its first step")
  if (state.phase === "over") return { state, tell: 0, cut: false, lookMs: undefined }
  if (state.phase === "leaving") return leave(state, plan, facts)
  const { now, open } = facts
  const waitMs = state.since + plan.delayMs - now
  if (waitMs > 0) return { state, tell: 0, cut: false, lookMs: waitMs }
  return leave({ phase: "leaving", since: now, readers: open, told: 0, toldAt: now }, plan, facts)
}

function leave(state: DrainState, plan: DrainPlan, { now, open }: DrainFacts): DrainStep {
  const { since, readers } = state
  const intervalMs = intervalOf(plan, readers)
  // The first goes at once, so all of them are told before the time for that has passed.
  const due = intervalMs > 0 ? Math.floor((now - since) / intervalMs) + 1 : readers
  const told = Math.max(state.told, Math.min(readers, due))
  const tell = told - state.told
  const next = { ...state, told, toldAt: tell > 0 ? now : state.toldAt }
  // A late look tells many at once: the last of them gets its time all the same.
  const endsAt = Math.max(since + plan.timeMs, next.toldAt + LAST_MS_MIN)
  const isLate = told === readers && now >= endsAt
  if (open === 0 || isLate) {
    return { state: { ...next, phase: "over", since: now }, tell, cut: isLate, lookMs: undefined }
  }
  const lookMs = Math.max(LOOK_MS_MIN, told === readers ? 0 : intervalMs)
  return { state: next, tell, cut: false, lookMs: Math.min(lookMs, Math.max(1, endsAt - now)) }
}

/** Returns the time between two readers that are told to leave. */
export function intervalOf({ timeMs }: DrainPlan, readers: number): number {
  const spreadMs = Math.max(0, Math.min(timeMs * LEAVING_SHARE, timeMs - LAST_MS_MIN))
  return Math.min(INTERVAL_MS_MAX, spreadMs / Math.max(1, readers))
}
