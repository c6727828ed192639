import { ask, onAsked, start } from "./begin.ts"
import { again, onOverdue, onRefused, rest } from "./failing.ts"
import { recovered } from "./link-health.ts"
import { onListed, onPage, onRequested, reopenLater } from "./listing.ts"
import type {
  EventName,
  EventOf,
  MergeSettings,
  PhaseName,
  PhaseOf,
  Reaction,
  Step,
} from "./step.ts"
import { become, stay } from "./step.ts"
import type { Held, SyncEvent, SyncState } from "./sync-state.ts"
import {
  onClosed,
  onCommits,
  onLost,
  onProbed,
  onProgress,
  onSettled,
  onSilence,
  onVerified,
} from "./watching.ts"

/**
 * Merges an event into what a syncer holds, and says what is to be done: list, then watch from the
 * next revision, and when that is lost watch again, or list again where watching cannot go on.
 *
 * Pure, and total: every phase has an answer to every event, also to those that cannot come.
 *
 * The source is asked who it is before each list and each watch, because one that was set back at
 * the same address answers a watch from its future with silence. It is asked again when a list has
 * ended and when a watch says its first word, before either is believed: so what one source listed
 * is never mixed with what another one tells, whenever the one took the place of the other.
 *
 * Source: Typha's watchersyncer (loop, budget); libcalico's etcd syncer (identity; its high-water
 * marks are the revisions in the trie).
 *
 * Decision: docs/decisions/syncer.md, “`in-sync` is proven”.
 */
export function merge(state: SyncState, event: SyncEvent, settings: MergeSettings): Step {
  const react = TABLE[state.phase.name][event.type] as Reaction<PhaseName, EventName>
  return react(state.held, state.phase, event, settings)
}

type Table = { readonly [P in PhaseName]: { readonly [E in EventName]: Reaction<P, E> } }

const stop = (held: Held): Step => become(held, { name: "stopped" }, [{ type: "end" }])

// What the cache could not take is listed anew: what it holds is whole, but older.
const relist = (
  held: Held,
  _phase: PhaseOf<PhaseName>,
  event: EventOf<"failed">,
  settings: MergeSettings,
): Step =>
  settings.once
    ? onRefused(held, { ...event, recovery: "stop" }, settings, "list")
    : again(held, "list", event.code, settings)

const STAY: { readonly [E in EventName]: typeof stay } = {
  start: stay,
  asked: stay,
  refused: stay,
  page: stay,
  listed: stay,
  verified: stay,
  commits: stay,
  progress: stay,
  lost: stay,
  silence: stay,
  overdue: stay,
  settled: stay,
  healthy: stay,
  resumed: stay,
  requested: stay,
  failed: stay,
  stop: stay,
}

const TABLE: Table = {
  idle: { ...STAY, start: (held, _phase, event, settings) => start(held, event, settings), stop },
  asking: {
    ...STAY,
    asked: onAsked,
    refused: (held, { goal }, event, settings) =>
      onRefused(held, event, settings, goal, "question"),
    overdue: onOverdue,
    failed: relist,
    stop,
  },
  pausing: {
    ...STAY,
    resumed: (held, { goal }) => ask(held, goal),
    overdue: onOverdue,
    failed: relist,
    stop,
  },
  listing: {
    ...STAY,
    page: onPage,
    listed: onListed,
    refused: (held, _phase, event, settings) => onRefused(held, event, settings, "list"),
    overdue: onOverdue,
    failed: relist,
    // Not to be lost, should they ever come: the watch is opened anew when the list has ended.
    verified: reopenLater,
    commits: reopenLater,
    progress: reopenLater,
    lost: reopenLater,
    stop,
  },
  watching: {
    ...STAY,
    asked: onProbed,
    verified: onVerified,
    refused: (held, _phase, event, settings) =>
      event.recovery === "retry"
        ? onClosed(held, event.code, settings)
        : onRefused(held, event, settings, "list"),
    commits: onCommits,
    progress: onProgress,
    lost: (held, _phase, event, settings) =>
      event.reason === "unsupported" ? rest(held) : onLost(held, event, settings),
    silence: onSilence,
    overdue: onOverdue,
    settled: onSettled,
    healthy: (held, phase) => stay({ ...recovered(held), polling: false }, phase),
    requested: onRequested,
    failed: relist,
    stop,
  },
  stopped: STAY,
}
