import type { Status, SyncErrorCode } from "@headwater/core"
import { say } from "./status.ts"
import type { Effect, Held, Phase, SyncEvent, SyncState } from "./sync-state.ts"

/** What holds after an event, and what is to be done, in order. */
export interface Step {
  readonly state: SyncState
  readonly effects: readonly Effect[]
}

/** What a syncer is told once. */
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

/** What a syncer may be doing. */
export type PhaseName = Phase["name"]
/** What may happen to it. */
export type EventName = SyncEvent["type"]
/** The phase of a name. */
export type PhaseOf<P extends PhaseName> = Extract<Phase, { name: P }>
/** The event of a name. */
export type EventOf<E extends EventName> = Extract<SyncEvent, { type: E }>
/** What is made of an event in a phase. */
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
 * What holds now, and what is to be done: the effects, and then a status, after the data that it
 * covers. Being in sync ends all doubt, whether or not it is news.
 */
export function become(
  held: Held,
  phase: Phase,
  effects: readonly Effect[],
  status?: Status,
  code?: SyncErrorCode,
): Step {
  if (status === undefined) return { state: { held, phase }, effects }
  const trusts = status === "in-sync" && held.doubt !== undefined
  const said = say(trusts ? { ...held, doubt: undefined } : held, status, code)
  const more: readonly Effect[] = trusts ? [{ type: "trust" }, ...said.effects] : said.effects
  return { state: { held: said.held, phase }, effects: [...effects, ...more] }
}
