import type { Revision, Status, SyncErrorCode } from "@headwater/core"
import type { Answer, Effect, Held, Phase, SyncEvent, SyncState } from "./sync-state.ts"

/** The state after an event, and the actions to take, in order. */
export interface Step {
  readonly state: SyncState
  readonly effects: readonly Effect[]
}

/** The settings of a merge, which do not change. */
export interface MergeSettings {
  readonly epochSalt: string | undefined
  /** See `Source.epochPerHub`. */
  readonly epochPerHub?: boolean
  /** See `SyncerLimits`. */
  readonly errorsMax: number
  /** See `SyncerLimits`. */
  readonly staleAfterMs: number
  /** One list, and then the end; what fails is its end as well. */
  readonly once?: boolean
}

/** The name of a phase. */
export type PhaseName = Phase["name"]
/** The name of an event. */
export type EventName = SyncEvent["type"]
/** The phase of a name. */
export type PhaseOf<P extends PhaseName> = Extract<Phase, { name: P }>
/** The event of a name. */
export type EventOf<E extends EventName> = Extract<SyncEvent, { type: E }>
/** The reaction to an event in a phase. */
export type Reaction<P extends PhaseName, E extends EventName> = (
  held: Held,
  phase: PhaseOf<P>,
  event: EventOf<E>,
  settings: MergeSettings,
) => Step

/** Nothing is to be done. */
export function stay(held: Held, phase: Phase): Step {
  return { state: { held, phase }, effects: [] }
}

/**
 * The next state and the effects, with a status last, after the data that it
 * covers. Being in sync ends all unresolved, whether or not it is news.
 */
export function become(
  held: Held,
  phase: Phase,
  effects: readonly Effect[],
  status?: Status,
  code?: SyncErrorCode,
): Step {
  if (status === undefined) return { state: { held, phase }, effects }
  const trusts = status === "in-sync" && held.unresolved !== undefined
  const said = setStatus(trusts ? { ...held, unresolved: undefined } : held, status, code)
  const more: readonly Effect[] = trusts
    ? [{ type: "disarm-stale-timer" }, ...said.effects]
    : said.effects
  return { state: { held: said.held, phase }, effects: [...effects, ...more] }
}

/**
 * Sets a status, when it differs from the last one.
 *
 *   waiting     nothing was ever whole, also while the first list is read
 *   resyncing   a list is read because the watch cannot go on; the last whole state is served
 *   in-sync     the list has ended, or the watch has told what the source had when it was asked
 *   stale       the source does not answer, or its watch was lost twice in a row
 *
 * So the first is `waiting`, the second `in-sync`, and `waiting` never comes back. A watch that is
 * lost once and goes on at once is not reported to readers.
 *
 * A failure is reported until a list has ended or a watch has caught up: a list that only begins
 * proves nothing, and a status that changed with each attempt would never have lasted long enough
 * for an alarm.
 */
export function setStatus(held: Held, status: Status, code?: SyncErrorCode): StatusChange {
  if (status === "resyncing" && held.code !== undefined) return { held, effects: [] }
  const spoken = !held.served && status !== "in-sync" ? "waiting" : status
  if (spoken === held.status && code === held.code) return { held, effects: [] }
  return {
    held: { ...held, status: spoken, code },
    effects: [{ type: "status", status: spoken, code }],
  }
}

/** The state with a status, and the action that reports it; none when the status is the same. */
export interface StatusChange {
  readonly held: Held
  readonly effects: readonly Effect[]
}

/**
 * True when this is the same source with the same history. Its answer was true at some moment after
 * the question, so it is compared with the state at the time of the question.
 */
export function goesOn(held: Held, asked: Answer): boolean {
  return held.sourceEpoch?.identity === asked.identity && asked.revision >= asked.floor
}

/** The source named this revision. */
export function observe(held: Held, revision: Revision): Held {
  return revision <= held.observed ? held : { ...held, observed: revision }
}
