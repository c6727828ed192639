import type { ListRequest, Revision } from "@headwater/core"
import { listing, renew, watching } from "./begin.ts"
import { again, reread } from "./failing.ts"
import {
  become,
  type EventOf,
  goesOn,
  type MergeSettings,
  observe,
  type PhaseOf,
  type Step,
  setStatus,
  stay,
} from "./step.ts"
import type { Effect, Held } from "./sync-state.ts"

/**
 * A reader stands at a revision that the watch does not get to. Lists at that very revision: a list
 * makes a gap of what lies between, but not of where it stands.
 */
export function onRequested(
  held: Held,
  phase: PhaseOf<"watching">,
  { revision }: EventOf<"requested">,
): Step {
  if (revision <= held.contiguous) return stay(held, phase)
  const request = { at: revision }
  return become(held, listing(request), [{ type: "list", request }])
}

/**
 * A page of a list. The first names the revision: one that is older than asked for is a replica's
 * that lags, and is read again. Then the watch is opened beside the list: a source that forgets its
 * history faster than it lists it would else never be caught up with.
 */
export function onPage(
  held: Held,
  phase: PhaseOf<"listing">,
  { page }: EventOf<"page">,
  settings: MergeSettings,
): Step {
  const { revision } = page
  const isOthers = page.identity !== undefined && page.identity !== held.sourceEpoch?.identity
  if (isOthers) return again(held, "list", "ERR_SOURCE_FAILED", settings)
  if (phase.revision === revision) return become(held, phase, [{ type: "apply-list", page }])
  if (phase.revision !== undefined) return again(held, "list", "ERR_SOURCE_FAILED", settings)
  if (!answers(revision, phase.request)) return reread(held, phase.request, settings)
  const watchOpen = !settings.once
  const effects: Effect[] = watchOpen ? [{ type: "watch", from: revision + 1 }] : []
  effects.push({ type: "begin-resync" }, { type: "apply-list", page })
  return become(observe(held, revision), { ...phase, revision, watchOpen }, effects)
}

/**
 * The list has ended. It is in sync when the source has nothing newer; else the watch has first to
 * tell what there was when the list ended. Nothing is served while the status is `waiting`.
 */
export function onListed(
  held: Held,
  { request, revision, watchOpen }: PhaseOf<"listing">,
  asked: EventOf<"listed">,
  settings: MergeSettings,
): Step {
  if (revision === undefined) return again(held, "list", "ERR_SOURCE_FAILED", settings)
  if (!goesOn(held, asked) || asked.revision < revision) return renew(held, asked, settings)
  const whole = { ...observe(held, asked.revision), contiguous: revision, errors: 0, staleReads: 0 }
  const first = held.served
    ? undefined
    : setStatus({ ...whole, served: true, code: undefined }, "resyncing")
  const effects: Effect[] = first ? [...first.effects] : []
  const served = first?.held ?? whole
  if (settings.once) return end(served, [...effects, { type: "end-resync", revision }])
  if (!watchOpen) effects.push({ type: "watch", from: revision + 1 })
  effects.push({ type: "end-resync", revision }, { type: "arm-health-timers" })
  const isCurrent = asked.revision === revision
  const phase = watching(served, asked.revision)
  const replays = asked.lastChange ?? asked.revision
  const isPast = !isCurrent && !held.served && request.at !== undefined
  const next = isPast ? { ...phase, replays } : phase
  if (isCurrent) return become(served, next, effects, "in-sync")
  // The list has ended well, so what failed before it is over.
  if (served.status === "stale") {
    return become({ ...served, code: undefined }, next, effects, "resyncing")
  }
  return become(served, next, effects)
}

/** The watch said something before its time: it is opened anew when the list has ended. */
export function reopenLater(held: Held, phase: PhaseOf<"listing">): Step {
  return stay(held, { ...phase, watchOpen: false })
}

// One list was all that was wanted.
function end(held: Held, effects: readonly Effect[]): Step {
  const step = become(held, { name: "stopped" }, effects, "in-sync")
  return { ...step, effects: [...step.effects, { type: "end" }] }
}

function answers(revision: Revision, { at, atLeast = 0 }: ListRequest): boolean {
  return at === undefined ? revision >= atLeast : revision === at
}
