import type { Revision, SyncErrorCode } from "@headwater/core"
import { renew, watch } from "./begin.ts"
import { again } from "./failing.ts"
import { stood, worked } from "./link-health.ts"
import {
  become,
  type EventOf,
  goesOn,
  type MergeSettings,
  observe,
  type PhaseOf,
  type Step,
  stay,
} from "./step.ts"
import type { Effect, Held } from "./sync-state.ts"

/** Commits are told. What was told before is not told again. */
export function onCommits(held: Held, phase: PhaseOf<"watching">, event: EventOf<"commits">): Step {
  const commits = event.commits.filter(({ revision }) => revision > held.contiguous)
  const contiguous = commits.at(-1)?.revision
  if (contiguous === undefined) return stay(held, phase)
  return caughtUp(tell(held, contiguous), phase, [{ type: "apply-commits", commits }])
}

/** All up to here was told. Below what was told, the source is asked what that means. */
export function onProgress(
  held: Held,
  phase: PhaseOf<"watching">,
  { revision }: EventOf<"progress">,
): Step {
  if (revision < held.contiguous) return onSilence(held, phase)
  if (revision === held.contiguous) return caughtUp(held, phase, [])
  return caughtUp(tell(held, revision), phase, [{ type: "progress", revision }])
}

/** The watch is silent for too long: the source is asked whether there is nothing to tell. */
export function onSilence(held: Held, phase: PhaseOf<"watching">): Step {
  if (phase.probing) return stay(held, phase)
  return become(held, { ...phase, probing: true }, [{ type: "probe" }])
}

/** The source was asked about a silent watch, which is kept, or replaced. */
export function onProbed(
  held: Held,
  phase: PhaseOf<"watching">,
  asked: EventOf<"asked">,
  settings: MergeSettings,
): Step {
  if (!phase.probing) return stay(held, phase)
  if (!goesOn(held, asked)) return renew(held, asked, settings)
  const told = observe(held, asked.revision)
  if (asked.revision <= held.contiguous) return stay(told, { ...phase, probing: false })
  // The first of them at once: the source has just answered.
  if (held.attempts === 0) return watch({ ...told, attempts: 1 }, asked.revision)
  return onClosed(told, "ERR_SOURCE_FAILED", settings)
}

/** The watch is about to say its first word: it is believed when the source is that of before. */
export function onVerified(
  held: Held,
  phase: PhaseOf<"watching">,
  asked: EventOf<"verified">,
  settings: MergeSettings,
): Step {
  if (!goesOn(held, asked)) return renew(held, asked, settings)
  return stay(observe(held, asked.revision), phase)
}

/**
 * The watch has been open for a while. If it told nothing meanwhile, there is nothing to tell: the
 * source's revision moves for others too. If it did, or a past that is to be told is not yet told,
 * it is given as long again.
 */
export function onSettled(before: Held, phase: PhaseOf<"watching">): Step {
  const held = stood(before)
  if (held.contiguous >= phase.target) return become(held, phase, [], "in-sync")
  const isTold = held.contiguous >= (phase.replays ?? 0)
  if (isTold && held.contiguous === phase.settlingFrom) return become(held, phase, [], "in-sync")
  return become(held, { ...phase, settlingFrom: held.contiguous }, [{ type: "arm-settle-timer" }])
}

/** The watch ended: of itself, or because its history is gone, or the source is another one. */
export function onLost(
  held: Held,
  { reason, code = "ERR_SOURCE_FAILED" }: EventOf<"lost">,
  settings: MergeSettings,
): Step {
  return reason === "closed"
    ? onClosed(held, code, settings)
    : again(held, "list", undefined, settings)
}

/** The watch failed: again from the next revision, unless that failed too often at this place. */
export function onClosed(held: Held, code: SyncErrorCode, settings: MergeSettings): Step {
  const errors = held.errors + 1
  const spent = errors >= settings.errorsMax
  const goal = spent ? "list" : "watch"
  const isQuiet = held.attempts === 0
  return again({ ...held, errors: spent ? 0 : errors }, goal, code, settings, { isQuiet })
}

function tell(held: Held, contiguous: Revision): Held {
  return { ...observe(worked(held), contiguous), contiguous, errors: 0, polling: false }
}

function caughtUp(held: Held, phase: PhaseOf<"watching">, effects: readonly Effect[]): Step {
  return become(held, phase, effects, held.contiguous >= phase.target ? "in-sync" : undefined)
}
