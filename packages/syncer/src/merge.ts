import type { Revision, Status, SyncErrorCode } from "@headwater/core"
import { epochOf, lifeOf, remember } from "./epoch.ts"
import { say } from "./status.ts"
import type { Answer, Effect, Held, Phase, SyncEvent, SyncState } from "./sync-state.ts"

/** What a syncer is told once. */
export interface MergeSettings {
  readonly epochSalt: string
  /** See `SyncerLimits`. */
  readonly errorsMax: number
}

/** What holds after an event, and what is to be done, in order. */
export interface Step {
  readonly state: SyncState
  readonly effects: readonly Effect[]
}

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
 */
export function merge(state: SyncState, event: SyncEvent, settings: MergeSettings): Step {
  const react = TABLE[state.phase.name][event.type] as Reaction<PhaseName, EventName>
  return react(state.held, state.phase, event, settings)
}

type PhaseName = Phase["name"]
type EventName = SyncEvent["type"]
type PhaseOf<P extends PhaseName> = Extract<Phase, { name: P }>
type EventOf<E extends EventName> = Extract<SyncEvent, { type: E }>
type Reaction<P extends PhaseName, E extends EventName> = (
  held: Held,
  phase: PhaseOf<P>,
  event: EventOf<E>,
  settings: MergeSettings,
) => Step
type Table = { readonly [P in PhaseName]: { readonly [E in EventName]: Reaction<P, E> } }

const stay = (held: Held, phase: Phase): Step => ({ state: { held, phase }, effects: [] })
const stop = (held: Held): Step => become(held, { name: "stopped" }, [{ type: "end" }])

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
  settled: stay,
  healthy: stay,
  resumed: stay,
  requested: stay,
  failed: stay,
  stop: stay,
}

const TABLE: Table = {
  idle: { ...STAY, start: (held) => ask(held, "list"), stop },
  asking: {
    ...STAY,
    asked: onAsked,
    refused: (held, { goal }, { code }) => again(held, goal, code),
    failed: (held, _phase, { code }) => again(held, "list", code),
    stop,
  },
  pausing: {
    ...STAY,
    resumed: (held, { goal }) => ask(held, goal),
    failed: (held, _phase, { code }) => again(held, "list", code),
    stop,
  },
  listing: {
    ...STAY,
    page: onPage,
    listed: onListed,
    refused: (held, _phase, { code }) => again(held, "list", code),
    failed: (held, _phase, { code }) => again(held, "list", code),
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
    refused: (held, _phase, { code }, { errorsMax }) => onClosed(held, errorsMax, code),
    commits: onCommits,
    progress: onProgress,
    lost: onLost,
    silence: onSilence,
    settled: (held, phase) =>
      phase.replays && held.contiguous < phase.target
        ? stay(held, phase)
        : become(held, phase, [], "in-sync"),
    healthy: (held, phase) => stay({ ...held, attempts: 0, errors: 0 }, phase),
    requested: onRequested,
    failed: (held, _phase, { code }) => again(held, "list", code),
    stop,
  },
  stopped: STAY,
}

function ask(held: Held, goal: "list" | "watch"): Step {
  return become(held, { name: "asking", goal }, [{ type: "ask" }])
}

function onAsked(
  held: Held,
  { goal }: PhaseOf<"asking">,
  asked: Answer,
  settings: MergeSettings,
): Step {
  if (!goesOn(held, asked, held.contiguous)) return renew(held, asked, settings)
  return goal === "list" ? list(held, asked.revision) : watch(held, asked.revision)
}

// The source, asked about a watch that says nothing. Its answer was true at some moment after the
// question, so it is compared with what was told before that.
function onProbed(
  held: Held,
  phase: PhaseOf<"watching">,
  asked: Answer,
  settings: MergeSettings,
): Step {
  if (phase.probedAt === undefined) return stay(held, phase)
  if (!goesOn(held, asked, phase.probedAt)) return renew(held, asked, settings)
  if (asked.revision > held.contiguous) return watch(held, asked.revision)
  return stay(held, { ...phase, probedAt: undefined })
}

function onVerified(
  held: Held,
  phase: PhaseOf<"watching">,
  asked: Answer,
  settings: MergeSettings,
): Step {
  return goesOn(held, asked, held.contiguous) ? stay(held, phase) : renew(held, asked, settings)
}

function goesOn(held: Held, asked: Answer, reached: Revision): boolean {
  return held.life?.identity === asked.identity && asked.revision >= reached
}

function renew(held: Held, asked: Answer, settings: MergeSettings): Step {
  const { identity, revision, incarnation } = asked
  const ended = held.life && { ...held.life, reached: held.contiguous }
  const past = ended ? remember(held.past, ended) : held.past
  const life = lifeOf(identity, revision, past, incarnation)
  const begun = { ...held, life, past, contiguous: 0, errors: 0 }
  const isFirst = ended === undefined
  const { state, effects } =
    isFirst && asked.oldest !== undefined ? listAt(begun, asked.oldest) : list(begun, revision)
  const epoch = epochOf(life, settings.epochSalt)
  return { state, effects: [{ type: "renew", epoch }, ...effects] }
}

function list(held: Held, atLeast: Revision): Step {
  const request = { atLeast: Math.max(atLeast, held.contiguous) }
  return become(held, listing(undefined), [{ type: "list", request }], "resyncing")
}

// The process before this one may have told its readers any revision since then: from there the
// watch tells all of them again, so that each finds its position.
function listAt(held: Held, oldest: Revision): Step {
  const request = { at: oldest }
  return become(held, listing(undefined), [{ type: "list", request }], "resyncing")
}

// At that very revision: a list makes a gap of what lies between, but not of where it stands.
function onRequested(
  held: Held,
  phase: PhaseOf<"watching">,
  { revision }: EventOf<"requested">,
): Step {
  if (revision <= held.contiguous) return stay(held, phase)
  return become(held, listing(undefined), [{ type: "list", request: { at: revision } }])
}

function listing(revision: Revision | undefined): PhaseOf<"listing"> {
  return { name: "listing", revision, watchOpen: revision !== undefined }
}

// The first page names the revision, so the watch is opened beside the list: a source that forgets
// its history faster than it lists it would else never be caught up with.
function onPage(held: Held, phase: PhaseOf<"listing">, { page }: EventOf<"page">): Step {
  const { revision } = page
  const isOthers = page.identity !== undefined && page.identity !== held.life?.identity
  if (isOthers) return again(held, "list", "ERR_SOURCE_FAILED")
  if (phase.revision === revision) return become(held, phase, [{ type: "apply-list", page }])
  if (phase.revision !== undefined || revision < held.contiguous) {
    return again(held, "list", "ERR_SOURCE_FAILED")
  }
  return become(held, listing(revision), [
    { type: "watch", from: revision + 1 },
    { type: "begin-resync" },
    { type: "apply-list", page },
  ])
}

function onListed(
  held: Held,
  { revision, watchOpen }: PhaseOf<"listing">,
  asked: Answer,
  settings: MergeSettings,
): Step {
  if (revision === undefined) return again(held, "list", "ERR_SOURCE_FAILED")
  if (!goesOn(held, asked, revision)) return renew(held, asked, settings)
  const effects: Effect[] = watchOpen ? [] : [{ type: "watch", from: revision + 1 }]
  effects.push({ type: "end-resync", revision }, { type: "observe" })
  const whole = { ...held, contiguous: revision, served: true, errors: 0 }
  const isOld = !held.served && asked.oldest !== undefined && asked.revision > revision
  return isOld
    ? become(whole, { ...watching(asked.revision), replays: true }, effects)
    : become(whole, watching(revision), effects, "in-sync")
}

function reopenLater(held: Held, phase: PhaseOf<"listing">): Step {
  return stay(held, { ...phase, watchOpen: false })
}

function watch(held: Held, target: Revision): Step {
  const from = held.contiguous + 1
  return become(held, watching(target), [{ type: "watch", from }, { type: "observe" }])
}

function watching(target: Revision): PhaseOf<"watching"> {
  return { name: "watching", target, probedAt: undefined }
}

function onCommits(held: Held, phase: PhaseOf<"watching">, event: EventOf<"commits">): Step {
  const commits = event.commits.filter(({ revision }) => revision > held.contiguous)
  const contiguous = commits.at(-1)?.revision
  if (contiguous === undefined) return stay(held, phase)
  const told = { ...held, contiguous, errors: 0 }
  return caughtUp(told, phase, [{ type: "apply-commits", commits }])
}

function onProgress(
  held: Held,
  phase: PhaseOf<"watching">,
  { revision }: EventOf<"progress">,
): Step {
  if (revision < held.contiguous) return onSilence(held, phase)
  if (revision === held.contiguous) return caughtUp(held, phase, [])
  const told = { ...held, contiguous: revision, errors: 0 }
  return caughtUp(told, phase, [{ type: "progress", revision }])
}

function caughtUp(held: Held, phase: PhaseOf<"watching">, effects: readonly Effect[]): Step {
  return become(held, phase, effects, held.contiguous >= phase.target ? "in-sync" : undefined)
}

function onSilence(held: Held, phase: PhaseOf<"watching">): Step {
  if (phase.probedAt !== undefined) return stay(held, phase)
  return become(held, { ...phase, probedAt: held.contiguous }, [{ type: "probe" }])
}

function onLost(
  held: Held,
  _phase: PhaseOf<"watching">,
  { reason }: EventOf<"lost">,
  { errorsMax }: MergeSettings,
): Step {
  return reason === "closed"
    ? onClosed(held, errorsMax, "ERR_SOURCE_FAILED")
    : again(held, "list", undefined)
}

function onClosed(held: Held, errorsMax: number, code: SyncErrorCode): Step {
  const errors = held.errors + 1
  const spent = errors >= errorsMax
  const goal = spent ? "list" : "watch"
  return again({ ...held, errors: spent ? 0 : errors }, goal, held.attempts > 0 ? code : undefined)
}

// The first time at once: most losses are of a connection, not of a source.
function again(held: Held, goal: "list" | "watch", code: SyncErrorCode | undefined): Step {
  const { attempts } = held
  const failed = { ...held, attempts: attempts + 1 }
  const status = code === undefined ? undefined : "stale"
  return attempts === 0
    ? become(failed, { name: "asking", goal }, [{ type: "ask" }], status, code)
    : become(
        failed,
        { name: "pausing", goal },
        [{ type: "pause", attempt: attempts }],
        status,
        code,
      )
}

// A status comes last, after the data that it covers.
function become(
  held: Held,
  phase: Phase,
  effects: readonly Effect[],
  status?: Status,
  code?: SyncErrorCode,
): Step {
  if (status === undefined) return { state: { held, phase }, effects }
  const said = say(held, status, code)
  return { state: { held: said.held, phase }, effects: [...effects, ...said.effects] }
}
