import type { ListRequest, Revision } from "@headwater/core"
import { epochOf, type KnownEpochs, memoOf, remember, sourceEpochOf } from "../epoch.ts"
import { answered } from "./link-health.ts"
import {
  become,
  type EventOf,
  goesOn,
  type MergeSettings,
  observe,
  type PhaseOf,
  type Step,
} from "./step.ts"
import type { Answer, Effect, Held } from "./sync-state.ts"

/** So many lists of a replica that lags, then a quorum is asked. */
const STALE_READS_MAX = 2

/**
 * Begins: by a list, or, where the cache holds something already, as after a watch that was lost.
 * What it holds is served meanwhile. If that is of an epoch before the newest that was known, then
 * the newest is listed. A name of our own for that is not used again: how far it came is not known.
 */
export function start(held: Held, { kept }: EventOf<"start">, settings: MergeSettings): Step {
  if (kept === undefined || settings.once) return ask(held, "list")
  const { contiguous, incarnation, past } = kept
  const isOwn = kept.sourceEpoch.incarnation !== undefined && contiguous === 0
  const sourceEpoch = isOwn ? { ...kept.sourceEpoch, incarnation } : kept.sourceEpoch
  const known = { sourceEpoch, past }
  const before = { ...held, ...known, contiguous, observed: contiguous, served: true }
  const goal = contiguous > 0 ? "watch" : "list"
  const effects: Effect[] = contiguous > 0 ? [] : [renewal(known, settings)]
  return become(before, { name: "asking", goal }, [...effects, { type: "ask" }], "resyncing")
}

/** Asks the source who it is and how far, before anything else is asked of it. */
export function ask(held: Held, goal: "list" | "watch"): Step {
  return become(held, { name: "asking", goal }, [{ type: "ask" }])
}

/**
 * The source said who it is. One that tells no changes is listed where there are some; where not,
 * a watch is tried again, as that may have changed.
 */
export function onAsked(
  held: Held,
  { goal }: PhaseOf<"asking">,
  asked: EventOf<"asked">,
  settings: MergeSettings,
): Step {
  if (!goesOn(held, asked)) return renew(answered(held), asked, settings)
  const told = observe(answered(held), asked.revision)
  const isBehind = held.polling && asked.revision > held.contiguous
  return goal === "list" || isBehind ? list(told, asked.revision) : watch(told, asked.revision)
}

/** Lists all, at this revision or a later one. What is polled is in sync meanwhile. */
export function list(held: Held, atLeast: Revision): Step {
  const { contiguous, staleReads, polling } = held
  const request = {
    atLeast: Math.max(atLeast, contiguous),
    ...(staleReads >= STALE_READS_MAX && { linearizable: true as const }),
  }
  return become(
    held,
    listing(request),
    [{ type: "list", request }],
    polling ? undefined : "resyncing",
  )
}

/**
 * Lists where the source's history begins. The process before this one may have told its readers
 * any revision since then: from there the watch tells all of them again, so that each finds its
 * position.
 */
export function listAt(held: Held, oldest: Revision): Step {
  const request = { at: oldest }
  return become(held, listing(request), [{ type: "list", request }], "resyncing")
}

/** Watches from the next revision, or watches anew. In sync when `target` has been told. */
export function watch(held: Held, target: Revision): Step {
  const from = held.contiguous + 1
  return become(held, watching(held, target), [
    { type: "watch", from },
    { type: "arm-health-timers" },
  ])
}

/** A watch that was just opened. */
export function watching(held: Held, target: Revision): PhaseOf<"watching"> {
  return { name: "watching", target, settlingFrom: held.contiguous, probing: false }
}

/** So many lists since a watch stood for a while, then another epoch waits before it is listed. */
const RELISTS_AT_ONCE_MAX = 1

/**
 * Another epoch begins: another source, or the same with another history. Two sources that answer
 * by turns at one address would else be listed without a pause, for ever.
 */
export function renew(held: Held, asked: Answer, settings: MergeSettings): Step {
  const { identity, revision, incarnation } = asked
  const ended = held.sourceEpoch && { ...held.sourceEpoch, reached: held.observed }
  const past = ended ? remember(held.past, ended) : held.past
  const sourceEpoch = sourceEpochOf(identity, revision, past, incarnation, settings.epochPerHub)
  const reset = { contiguous: 0, observed: revision, errors: 0, staleReads: 0, polling: false }
  const begun = { ...held, ...reset, sourceEpoch, past }
  const { state, effects } = listNew(begun, asked, ended === undefined, settings)
  return { state, effects: [renewal({ sourceEpoch, past }, settings), ...effects] }
}

function listNew(
  held: Held,
  { oldest, revision }: Answer,
  isFirst: boolean,
  settings: MergeSettings,
): Step {
  if (isFirst) {
    return oldest !== undefined && !settings.once ? listAt(held, oldest) : list(held, revision)
  }
  const counted = { ...held, relists: held.relists + 1 }
  const attempt = held.relists - RELISTS_AT_ONCE_MAX
  if (attempt <= 0) return list(counted, revision)
  const pausing = { name: "pausing", goal: "list" } as const
  return become(counted, pausing, [{ type: "pause", attempt }], "resyncing")
}

function renewal(known: KnownEpochs, { epochSalt }: MergeSettings): Effect {
  return { type: "renew", epoch: epochOf(known.sourceEpoch, epochSalt), memo: memoOf(known) }
}

/** A list that is asked for. */
export function listing(request: ListRequest): PhaseOf<"listing"> {
  return { name: "listing", request, revision: undefined, watchOpen: false }
}
