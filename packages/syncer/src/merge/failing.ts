import type { ListRequest, SyncErrorCode } from "@headwater/core"
import { type Failed, failAgain, recovered } from "./link-health.ts"
import {
  become,
  type EventOf,
  type MergeSettings,
  type PhaseName,
  type PhaseOf,
  type Step,
  setStatus,
  stay,
} from "./step.ts"
import type { Effect, Held } from "./sync-state.ts"

/**
 * Tries again; see `failAgain` for when.
 *
 * @param code what failed; nothing when nothing did.
 * @param more whether no reader hears of it unless more fails, and what failed, if that was not
 *   what is to be done.
 */
export function again(
  held: Held,
  goal: "list" | "watch",
  code: SyncErrorCode | undefined,
  settings: MergeSettings,
  { isQuiet = false, what = goal }: { readonly isQuiet?: boolean; readonly what?: Failed } = {},
): Step {
  const { failures, effect } = failAgain(held, what)
  const failed = { ...held, ...failures, unresolved: failureOf(held, code, settings) }
  const effects = [effect]
  if (held.unresolved === undefined && failed.unresolved?.isOverdue === false)
    effects.push({ type: "arm-stale-timer" })
  const phase = { name: effect.type === "ask" ? "asking" : "pausing", goal } as const
  const isTold = code !== undefined && !isQuiet && failed.unresolved?.isOverdue
  return isTold ? become(failed, phase, effects, "stale", code) : become(failed, phase, effects)
}

/** Follows the `recovery` of an error: try again, list again, or stop. */
export function onRefused(
  held: Held,
  { code, recovery, error }: Pick<EventOf<"refused">, "code" | "recovery" | "error">,
  settings: MergeSettings,
  goal: "list" | "watch",
  what?: "question",
): Step {
  if (!settings.once && recovery !== "stop") {
    return again(held, recovery === "resync" ? "list" : goal, code, settings, what && { what })
  }
  const said = setStatus(held, "stale", code)
  const effects: Effect[] = [{ type: "end" }, ...said.effects, { type: "fail", code, error }]
  return become(said.held, { name: "stopped" }, effects)
}

/** It failed a while ago. Told where it still does; else when it fails again. */
export function onOverdue(held: Held, phase: PhaseOf<PhaseName>): Step {
  if (held.unresolved === undefined) return stay(held, phase)
  const { code } = held.unresolved
  const overdue = { ...held, unresolved: { code, isOverdue: true } }
  const isFailing = phase.name === "asking" || phase.name === "pausing"
  return isFailing ? become(overdue, phase, [], "stale", code) : stay(overdue, phase)
}

/**
 * A list was older than asked for: the replica that answered lags. Read again after a pause, which
 * grows; in the end a quorum is asked. One that is itself too old fails.
 */
export function reread(held: Held, request: ListRequest, settings: MergeSettings): Step {
  if (request.linearizable) return again(held, "list", "ERR_SOURCE_FAILED", settings)
  const attempt = held.staleReads + 1
  return become({ ...held, staleReads: attempt }, { name: "pausing", goal: "list" }, [
    { type: "pause", attempt },
  ])
}

/**
 * The source tells no changes: it is listed every so often, where its revision has moved. What was
 * listed is as fresh as it gets, so it is in sync, and stays so.
 */
export function rest(held: Held): Step {
  const polling = { ...recovered(held), polling: true }
  return become(polling, { name: "pausing", goal: "watch" }, [{ type: "rest" }], "in-sync")
}

// The first failure ever is told at once: nothing was there that could be thought to go on.
function failureOf(
  held: Held,
  code: SyncErrorCode | undefined,
  { staleAfterMs }: MergeSettings,
): Held["unresolved"] {
  if (code === undefined) return held.unresolved
  const isOverdue = held.unresolved?.isOverdue ?? (!held.served || staleAfterMs === 0)
  return { code, isOverdue }
}
