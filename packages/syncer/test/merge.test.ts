import { describe, expect, test } from "vitest"
import { epochOf, memoOf, type PastEpoch } from "../src/epoch.ts"
import { assertInvariants } from "../src/merge/invariants.ts"
import { merge } from "../src/merge/merge.ts"
import {
  type Effect,
  type Held,
  IDLE,
  type Phase,
  type SyncEvent,
  type SyncState,
} from "../src/merge/sync-state.ts"

const settings = { epochSalt: "salt", errorsMax: 5, staleAfterMs: 0 }
const sourceEpoch = { identity: "A" }

/** In step with source A at revision 10, and failed once before. */
const held: Held = {
  ...IDLE.held,
  sourceEpoch,
  contiguous: 10,
  observed: 10,
  served: true,
  status: "in-sync",
  attempts: 1,
}

const phases: Record<Phase["name"], Phase> = {
  idle: { name: "idle" },
  asking: { name: "asking", goal: "watch" },
  pausing: { name: "pausing", goal: "watch" },
  listing: { name: "listing", request: { atLeast: 10 }, revision: 12, watchOpen: true },
  watching: { name: "watching", target: 10, settlingFrom: 10, probing: false },
  stopped: { name: "stopped" },
}

const events: Record<SyncEvent["type"], SyncEvent> = {
  start: { type: "start" },
  asked: { type: "asked", identity: "A", revision: 11, floor: 10, incarnation: "fresh" },
  verified: { type: "verified", identity: "A", revision: 11, floor: 10, incarnation: "fresh" },
  refused: { type: "refused", code: "ERR_SOURCE_FAILED", recovery: "retry" },
  page: { type: "page", page: { revision: 12, entries: [], invalid: [] } },
  listed: { type: "listed", identity: "A", revision: 12, floor: 10, incarnation: "fresh" },
  commits: { type: "commits", commits: [{ revision: 11, changes: [] }] },
  progress: { type: "progress", revision: 11 },
  lost: { type: "lost", reason: "closed" },
  silence: { type: "silence" },
  overdue: { type: "overdue" },
  settled: { type: "settled" },
  healthy: { type: "healthy" },
  resumed: { type: "resumed" },
  requested: { type: "requested", revision: 12 },
  failed: { type: "failed", code: "ERR_MEMORY_FULL" },
  stop: { type: "stop" },
}

/** A step in one line: the phase after it, and what is to be done. */
const shown = (name: Phase["name"], effects: readonly Effect[]) =>
  [name, ...effects.map((effect) => (effect.type === "status" ? effect.status : effect.type))].join(
    " ",
  )

const ignored: Record<SyncEvent["type"], string> = {
  start: "same",
  asked: "same",
  refused: "same",
  page: "same",
  listed: "same",
  verified: "same",
  commits: "same",
  progress: "same",
  lost: "same",
  silence: "same",
  overdue: "same",
  settled: "same",
  healthy: "same",
  resumed: "same",
  requested: "same",
  failed: "same",
  stop: "stopped end",
}

const table: Record<Phase["name"], Record<SyncEvent["type"], string>> = {
  idle: { ...ignored, start: "asking ask" },
  asking: {
    ...ignored,
    asked: "watching watch arm-health-timers",
    refused: "pausing pause stale",
    failed: "pausing pause stale",
  },
  pausing: { ...ignored, resumed: "asking ask", failed: "pausing pause stale" },
  listing: {
    ...ignored,
    page: "listing apply-list",
    listed: "watching end-resync arm-health-timers",
    refused: "pausing pause stale",
    failed: "pausing pause stale",
    verified: "listing",
    commits: "listing",
    progress: "listing",
    lost: "listing",
  },
  watching: {
    ...ignored,
    verified: "watching",
    refused: "pausing pause stale",
    commits: "watching apply-commits",
    progress: "watching progress",
    lost: "pausing pause stale",
    silence: "watching probe",
    healthy: "watching",
    requested: "listing list",
    failed: "pausing pause stale",
  },
  stopped: { ...ignored, stop: "same" },
}

describe("merge: every phase has an answer to every event", () => {
  for (const phase of Object.keys(table) as Phase["name"][]) {
    for (const type of Object.keys(events) as SyncEvent["type"][]) {
      test(`${phase}, ${type}: ${table[phase][type]}`, () => {
        const before: SyncState = { held, phase: phases[phase] }
        const { state, effects } = merge(before, events[type], settings)
        assertInvariants(state)
        const unchanged = effects.length === 0 && JSON.stringify(state) === JSON.stringify(before)

        expect(unchanged ? "same" : shown(state.phase.name, effects)).toBe(table[phase][type])
      })
    }
  }
})

/** Feeds events one after the other, and tells all effects and the last state. */
function run(state: SyncState, ...fed: SyncEvent[]) {
  const effects: Effect[] = []
  let now = state
  for (const event of fed) {
    const step = merge(now, event, settings)
    now = step.state
    assertInvariants(now)
    effects.push(...step.effects)
  }
  return { state: now, effects }
}

const asked = (identity: string, revision: number, floor = 10): SyncEvent => ({
  type: "asked",
  identity,
  revision,
  floor,
  incarnation: "fresh",
})
const listed = (identity: string, revision: number, floor = 10) =>
  ({
    type: "listed",
    identity,
    revision,
    floor,
    incarnation: "fresh",
  }) as const
const page = (revision: number): SyncEvent => ({
  type: "page",
  page: { revision, entries: [], invalid: [] },
})
const lost: SyncEvent = { type: "lost", reason: "closed" }
const resumed: SyncEvent = { type: "resumed" }
const watching: SyncState = { held, phase: phases.watching }
const healthy: SyncState = { held: { ...held, attempts: 0 }, phase: phases.watching }

describe("merge", () => {
  test("a first run asks, lists, and watches from the next revision beside the list", () => {
    const fed = [events.start, asked("A", 7, 0), page(7), page(7), listed("A", 7, 7)]
    const { state, effects } = run(IDLE, ...fed)

    expect(effects).toEqual([
      { type: "ask" },
      {
        type: "renew",
        epoch: epochOf(sourceEpoch, "salt"),
        memo: memoOf({ sourceEpoch, past: [] }),
      },
      { type: "list", request: { atLeast: 7 } },
      { type: "watch", from: 8 },
      { type: "begin-resync" },
      { type: "apply-list", page: { revision: 7, entries: [], invalid: [] } },
      { type: "apply-list", page: { revision: 7, entries: [], invalid: [] } },
      { type: "status", status: "resyncing", code: undefined },
      { type: "end-resync", revision: 7 },
      { type: "arm-health-timers" },
      { type: "status", status: "in-sync", code: undefined },
    ])
    expect(state).toEqual({
      held: {
        ...IDLE.held,
        sourceEpoch,
        contiguous: 7,
        observed: 7,
        served: true,
        status: "in-sync",
      },
      phase: { name: "watching", target: 7, settlingFrom: 7, probing: false },
    })
  })

  test("a watch that is lost once goes on at once, and changes no status", () => {
    const { state, effects } = run(healthy, lost, asked("A", 10))

    expect(effects).toEqual([
      { type: "ask" },
      { type: "watch", from: 11 },
      { type: "arm-health-timers" },
    ])
    expect(state.held.status).toBe("in-sync")
  })

  test("a source that does not answer makes stale, until the watch has caught up", () => {
    const commits = (revision: number): SyncEvent => ({
      type: "commits",
      commits: [{ revision, changes: [] }],
    })
    const down = run(healthy, lost, events.refused, resumed, events.refused)
    const up = run(down.state, resumed, asked("A", 12), commits(11), commits(12))

    expect(down.state.held).toEqual({
      ...held,
      attempts: 1,
      unanswered: 2,
      errors: 1,
      status: "stale",
      code: "ERR_SOURCE_FAILED",
      unresolved: { code: "ERR_SOURCE_FAILED", isOverdue: true },
    })
    expect(up.effects.map((effect) => effect.type)).toEqual([
      "ask",
      "watch",
      "arm-health-timers",
      "apply-commits",
      "apply-commits",
      "disarm-stale-timer",
      "status",
    ])
    expect(up.state.held.status).toBe("in-sync")
  })

  test("a silent watch is in-sync once it has been open for a while", () => {
    const stale: SyncState = {
      held: { ...held, status: "stale", code: "ERR_SOURCE_FAILED" },
      phase: { name: "asking", goal: "watch" },
    }
    const { state, effects } = run(stale, asked("A", 12), events.settled)

    expect(effects.at(-1)).toEqual({ type: "status", status: "in-sync", code: undefined })
    expect(state.held.code).toBeUndefined()
  })

  test("U60, WS-B6: before anything was ever whole, the status is waiting, whatever fails", () => {
    const { effects } = run(
      IDLE,
      events.start,
      events.refused,
      asked("A", 3, 0),
      events.refused,
      resumed,
      asked("A", 3, 3),
      page(3),
      listed("A", 3, 3),
    )

    expect(effects.filter(({ type }) => type === "status")).toEqual([
      { type: "status", status: "waiting", code: "ERR_SOURCE_FAILED" },
      { type: "status", status: "resyncing", code: undefined },
      { type: "status", status: "in-sync", code: undefined },
    ])
  })

  test("ES-B20, WS-B11: history that is compacted is listed again, at once the first time", () => {
    const compacted: SyncEvent = { type: "lost", reason: "compacted" }
    const { effects } = run(healthy, compacted, asked("A", 20))

    expect(effects).toEqual([
      { type: "ask" },
      { type: "list", request: { atLeast: 20 } },
      { type: "status", status: "resyncing", code: undefined },
    ])
  })

  test("WS-B17, WS-E7, U51: five watches lost at one position make a list", () => {
    let { state } = { state: healthy }
    for (let turn = 0; turn < 5; turn++) {
      state = run(state, lost).state
      expect(state.phase).toMatchObject({ goal: turn < 4 ? "watch" : "list" })
      if (turn < 4) state = run(state, resumed, asked("A", 10)).state
    }

    expect(state.held.errors).toBe(0)
  })

  test("a commit that is told, and a healthy watch, begin the budget anew", () => {
    const spent: SyncState = { held: { ...held, errors: 4 }, phase: phases.watching }

    expect(run(spent, events.commits).state.held).toMatchObject({ errors: 0, attempts: 1 })
    expect(run(spent, events.healthy).state.held).toMatchObject({ errors: 0, attempts: 0 })
    expect(run(spent, events.commits, lost).state.phase).toMatchObject({ goal: "watch" })
  })

  test("WS-E5: commits that were delivered before are not delivered again", () => {
    const commits = [10, 11, 12].map((revision) => ({ revision, changes: [] }))
    const { effects, state } = run(watching, { type: "commits", commits })

    expect(effects).toEqual([{ type: "apply-commits", commits: commits.slice(1) }])
    expect(state.held.contiguous).toBe(12)
  })

  test("another identity is another epoch, listed from nothing", () => {
    const { state, effects } = run(healthy, lost, asked("B", 900))

    expect(effects.slice(1)).toEqual([
      {
        type: "renew",
        epoch: epochOf({ identity: "B" }, "salt"),
        memo: memoOf({ sourceEpoch: { identity: "B" }, past: [{ identity: "A", reached: 10 }] }),
      },
      { type: "list", request: { atLeast: 900 } },
      { type: "status", status: "resyncing", code: undefined },
    ])
    expect(state.held).toMatchObject({
      sourceEpoch: { identity: "B" },
      contiguous: 0,
      past: [{ identity: "A", reached: 10 }],
    })
  })

  test("a list is served only when the source is still the one that was asked before it", () => {
    const listing: SyncState = { held, phase: phases.listing }

    for (const event of [listed("B", 12), listed("A", 11)]) {
      const { effects } = run(listing, event)
      expect(effects.map(({ type }) => type)).toEqual(["renew", "list", "status"])
    }
  })

  test("a watch is believed only when the source is still the one that was asked before it", () => {
    const other: SyncEvent = { ...events.verified, identity: "B" } as SyncEvent
    const back: SyncEvent = { ...events.verified, revision: 9 } as SyncEvent

    for (const event of [other, back]) {
      const { effects } = run(watching, event)
      expect(effects.map(({ type }) => type)).toEqual(["renew", "list", "status"])
    }
  })

  test("history that went back is another epoch, that only this hub knows", () => {
    const { state, effects } = run(healthy, lost, asked("A", 9))
    const reborn = { identity: "A", incarnation: "fresh" }

    expect(state.held.sourceEpoch).toEqual(reborn)
    const memo = memoOf({ sourceEpoch: reborn, past: [{ identity: "A", reached: 10 }] })
    expect(effects[1]).toEqual({ type: "renew", epoch: epochOf(reborn, "salt"), memo })
  })

  test("an identity that comes back goes on with its epoch, unless it went back meanwhile", () => {
    const away = run(healthy, lost, asked("B", 900), page(900), listed("B", 900), lost).state
    const back = run(away, resumed, asked("A", 10)).state
    const below = run(away, resumed, asked("A", 9)).state

    expect(back.held.sourceEpoch).toEqual({ identity: "A" })
    expect(below.held.sourceEpoch).toEqual({ identity: "A", incarnation: "fresh" })
  })

  test("WS-E7: a silent watch is asked about, and kept when nothing happened", () => {
    const { state, effects } = run(watching, events.silence, events.silence, asked("A", 10))

    expect(effects).toEqual([{ type: "probe" }])
    expect(state).toEqual(watching)
  })

  test("WS-E7: a silent watch is replaced when the source has moved on", () => {
    const { state, effects } = run(healthy, events.silence, asked("A", 30))

    expect(effects).toEqual([
      { type: "probe" },
      { type: "watch", from: 11 },
      { type: "arm-health-timers" },
    ])
    expect(state.held.status).toBe("in-sync")
  })

  test("a watch that is behind each time it is opened is opened after a pause that grows", () => {
    const behind: SyncEvent[] = [{ type: "progress", revision: 3 }, asked("A", 30)]
    const again = [...behind, resumed, asked("A", 30)]
    const { effects } = run(healthy, ...behind, ...again, ...again)

    expect(effects.filter(({ type }) => type === "watch" || type === "pause")).toEqual([
      { type: "watch", from: 11 },
      { type: "pause", attempt: 1 },
      { type: "watch", from: 11 },
      { type: "pause", attempt: 2 },
      { type: "watch", from: 11 },
    ])
  })

  test("sources that answer by turns are listed after a pause that grows", () => {
    const answers = ["B", "C", "D", "E"].map((identity) => listed(identity, 20))
    const turns = answers.flatMap((answer) => [
      answer,
      resumed,
      asked(answer.identity, 20),
      page(20),
    ])
    const { effects } = run({ held, phase: phases.listing }, ...turns)

    expect(effects.filter(({ type }) => type === "list" || type === "pause")).toMatchObject([
      { type: "list" },
      { type: "list" },
      { type: "pause", attempt: 1 },
      { type: "list" },
      { type: "pause", attempt: 2 },
      { type: "list" },
    ])
  })

  test("stale holds while lists begin and fail, and until one has ended well", () => {
    const tried = [resumed, asked("A", 20), page(20), events.refused]
    const compacted: SyncEvent = { type: "lost", reason: "compacted" }
    const failing = run(healthy, compacted, asked("A", 20), events.refused, ...tried, ...tried)
    const whole = [resumed, asked("A", 20), page(20)]
    const behind = run(failing.state, ...whole, listed("A", 22, 20))
    const current = run(failing.state, ...whole, listed("A", 20, 20))
    const statuses = [failing, behind, current].map(({ effects }) =>
      effects.flatMap((effect) => (effect.type === "status" ? [effect.status] : [])),
    )

    expect(statuses).toEqual([["resyncing", "stale"], ["resyncing"], ["in-sync"]])
  })

  test("an answer that the watch has overtaken meanwhile says nothing", () => {
    const { state, effects } = run(watching, events.silence, events.commits, asked("A", 10))

    expect(effects.map(({ type }) => type)).toEqual(["probe", "apply-commits"])
    expect(state.held.sourceEpoch).toEqual(sourceEpoch)
  })

  test("progress below ours makes us ask, and renews when the source says the same", () => {
    const back: SyncEvent = { type: "progress", revision: 3 }
    const { effects } = run(watching, back, asked("A", 3))

    expect(effects.map(({ type }) => type)).toEqual(["probe", "renew", "list", "status"])
  })

  test("a list of two revisions, and one without a page, are refused", () => {
    const listing: SyncState = {
      held,
      phase: {
        name: "listing",
        request: { atLeast: 12 },
        revision: undefined,
        watchOpen: false,
      },
    }

    expect(run(listing, page(12), page(13)).effects.map(({ type }) => type)).toEqual([
      "watch",
      "begin-resync",
      "apply-list",
      "pause",
      "status",
    ])
    expect(run(listing, events.listed).effects.map(({ type }) => type)).toEqual(["pause", "status"])
  })

  test("a reader ahead of a quiet watch causes a list at the reader's revision", () => {
    const { state, effects } = run(watching, events.requested, page(12), events.listed)

    expect(effects).toEqual([
      { type: "list", request: { at: 12 } },
      { type: "watch", from: 13 },
      { type: "begin-resync" },
      { type: "apply-list", page: { revision: 12, entries: [], invalid: [] } },
      { type: "end-resync", revision: 12 },
      { type: "arm-health-timers" },
    ])
    expect(state.held.status).toBe("in-sync")
    expect(run(watching, { type: "requested", revision: 10 }).effects).toEqual([])
  })
})

describe("merge of what an image brought", () => {
  const kept = (contiguous: number, ...past: readonly PastEpoch[]): SyncEvent => ({
    type: "start",
    kept: { sourceEpoch, past, contiguous, incarnation: "fresh" },
  })

  test("it is served from the start, and goes on by the watch alone", () => {
    const { state, effects } = run(IDLE, kept(10), asked("A", 12), events.commits)

    expect(effects.map((effect) => effect.type)).toEqual([
      "ask",
      "status",
      "watch",
      "arm-health-timers",
      "apply-commits",
    ])
    expect(effects[2]).toEqual({ type: "watch", from: 11 })
    expect(state.held).toMatchObject({ contiguous: 11, served: true, status: "resyncing" })
  })

  test("of a source whose history went back below it, another epoch begins", () => {
    const { effects } = run(IDLE, kept(10), asked("A", 9))
    const epoch = epochOf({ identity: "A", incarnation: "fresh" }, "salt")

    expect(effects.filter(({ type }) => type === "renew")).toMatchObject([{ epoch }])
  })

  test("of another source, that one's epoch begins, and this one is remembered", () => {
    const { state } = run(IDLE, kept(10), asked("B", 3))

    expect(state.held.sourceEpoch).toEqual({ identity: "B" })
    expect(state.held.past).toEqual([{ identity: "A", reached: 10 }])
  })

  test("a epoch that was known and not yet whole is listed, under its own name", () => {
    const { effects } = run(IDLE, kept(0, { identity: "A", reached: 30 }), asked("A", 12, 0))

    expect(effects.map(({ type }) => type)).toEqual(["renew", "ask", "status", "list"])
    expect(effects[0]).toMatchObject({ epoch: epochOf(sourceEpoch, "salt") })
  })

  test("seed 2026113231: nor under a name of its own, which may have come far", () => {
    const reborn = { identity: "A", incarnation: "before" }
    const past = [{ identity: "A", reached: 30 }]
    const begun = { sourceEpoch: reborn, past, contiguous: 0, incarnation: "fresh" }
    const { state, effects } = run(IDLE, { type: "start", kept: begun }, asked("A", 40, 0))

    expect(state.held.sourceEpoch).toEqual({ identity: "A", incarnation: "fresh" })
    expect(effects.map(({ type }) => type)).toEqual(["renew", "ask", "status", "list"])
  })

  test("one list is one list all the same", () => {
    const { effects } = merge(IDLE, kept(10), { ...settings, once: true })
    const { state } = merge(IDLE, kept(10), { ...settings, once: true })

    expect(effects).toEqual([{ type: "ask" }])
    expect(state.phase).toEqual({ name: "asking", goal: "list" })
  })
})

describe("merge of a source that tells its oldest revision", () => {
  const told: SyncEvent = {
    type: "asked",
    identity: "A",
    revision: 9,
    floor: 0,
    oldest: 4,
    incarnation: "fresh",
  }

  test("lists there first, and is in sync when the watch has told the rest", () => {
    const steps: SyncEvent[] = [
      page(4),
      { type: "listed", identity: "A", revision: 9, floor: 9, oldest: 4, incarnation: "fresh" },
      { type: "commits", commits: [{ revision: 5, changes: [] }] },
      { type: "commits", commits: [{ revision: 9, changes: [] }] },
    ]
    const { state, effects } = run(IDLE, { type: "start" }, told)
    const statuses = steps.map(
      (_, index) => run(state, ...steps.slice(0, index + 1)).state.held.status,
    )

    expect(effects).toContainEqual({ type: "list", request: { at: 4 } })
    expect(statuses[3]).toEqual("in-sync")
    expect(statuses.slice(0, 3)).not.toContain("in-sync")
  })

  test("ES-E13: silence does not make it in sync before the past was told", () => {
    const revision = 9 // of others: no watch will tell it
    const listed: SyncEvent = {
      type: "listed",
      identity: "A",
      revision,
      floor: revision,
      lastChange: 7,
      incarnation: "fresh",
    }
    const settled: SyncEvent = { type: "settled" }
    const last: SyncEvent = { type: "commits", commits: [{ revision: 7, changes: [] }] }
    const silent = run(IDLE, { type: "start" }, told, page(4), listed, settled, settled)
    const caughtUp = run(silent.state, last, settled)
    const after = run(caughtUp.state, settled)

    expect(silent.state.held.status).toBe("resyncing")
    expect(caughtUp.state.held.status).toBe("resyncing")
    expect(after.state.held.status).toBe("in-sync")
  })
})
