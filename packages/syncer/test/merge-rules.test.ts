import type { ListRequest, Revision } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { assertInvariants } from "../src/merge/invariants.ts"
import { merge } from "../src/merge/merge.ts"
import type { MergeSettings, PhaseOf } from "../src/merge/step.ts"
import {
  type Effect,
  type Held,
  IDLE,
  type SyncEvent,
  type SyncState,
} from "../src/merge/sync-state.ts"

const settings: MergeSettings = { epochSalt: "salt", errorsMax: 5, staleAfterMs: 0 }

/** In step with source A at revision 10, healthy. */
const held: Held = {
  ...IDLE.held,
  sourceEpoch: { identity: "A" },
  contiguous: 10,
  observed: 10,
  served: true,
  status: "in-sync",
}
const listing = (request: ListRequest): PhaseOf<"listing"> => ({
  name: "listing",
  request,
  revision: undefined,
  watchOpen: false,
})
const watching: SyncState = {
  held,
  phase: { name: "watching", target: 10, settlingFrom: 10, probing: false },
}

/** Feeds events one after the other: all effects, the last state, and each status that was said. */
function run(state: SyncState, fed: readonly SyncEvent[], more: Partial<MergeSettings> = {}) {
  const effects: Effect[] = []
  let now = state
  for (const event of fed) {
    const step = merge(now, event, { ...settings, ...more })
    now = step.state
    assertInvariants(now)
    effects.push(...step.effects)
  }
  const types = effects.map((effect) => (effect.type === "status" ? effect.status : effect.type))
  return { state: now, effects, types }
}

const answer = (revision: Revision, floor = 10) => ({
  identity: "A",
  revision,
  floor,
  incarnation: "fresh",
})
const asked = (revision: Revision, floor?: Revision): SyncEvent => ({
  type: "asked",
  ...answer(revision, floor),
})
const listed = (revision: Revision, floor?: Revision): SyncEvent => ({
  type: "listed",
  ...answer(revision, floor),
})
const page = (revision: Revision): SyncEvent => ({
  type: "page",
  page: { revision, entries: [], invalid: [] },
})
const commits = (...revisions: Revision[]): SyncEvent => ({
  type: "commits",
  commits: revisions.map((revision) => ({ revision, changes: [] })),
})
const lost = (reason: "closed" | "compacted" | "replaced" | "unsupported"): SyncEvent => ({
  type: "lost",
  reason,
})
const refused = (recovery: "retry" | "resync" | "stop" = "retry"): SyncEvent => ({
  type: "refused",
  code: "ERR_SOURCE_FAILED",
  recovery,
  error: "why",
})
const resumed: SyncEvent = { type: "resumed" }
const settled: SyncEvent = { type: "settled" }

describe("merge: replicas that lag (U54)", () => {
  const relisting: SyncState = { held, phase: listing({ atLeast: 20 }) }

  test("ES-B11, ES-E9: a list that is older than asked for is not applied", () => {
    const { effects, state } = run(relisting, [page(19)])

    expect(effects).toEqual([{ type: "pause", attempt: 1 }])
    expect(state.held).toEqual({ ...held, staleReads: 1 })
  })

  test("ES-W2: the pause grows, and then a quorum is asked", () => {
    const again: SyncEvent[] = [page(19), resumed, asked(20)]
    const { effects } = run(relisting, [...again, ...again])

    expect(effects).toEqual([
      { type: "pause", attempt: 1 },
      { type: "ask" },
      { type: "list", request: { atLeast: 20 } },
      { type: "status", status: "resyncing", code: undefined },
      { type: "pause", attempt: 2 },
      { type: "ask" },
      { type: "list", request: { atLeast: 20, linearizable: true } },
    ])
  })

  test("a quorum that is older than asked for has failed", () => {
    const request = { atLeast: 20, linearizable: true } as const
    const { types } = run({ held, phase: listing(request) }, [page(19)])

    expect(types).toEqual(["ask", "stale"])
  })

  test("ES-E6: a list at the very revision that was asked for is believed", () => {
    const { state } = run(relisting, [page(20), listed(20)])

    expect(state.held).toMatchObject({ contiguous: 20, staleReads: 0, status: "in-sync" })
  })

  test("a list at a revision is believed at that one alone", () => {
    const { types } = run({ held, phase: listing({ at: 12 }) }, [page(13)])

    expect(types).toEqual(["pause"])
  })

  test("ES-W3, ES-B18: what is asked for is never below what is held", () => {
    const { effects } = run(watching, [lost("compacted"), asked(10)])

    expect(effects).toContainEqual({ type: "list", request: { atLeast: 10 } })
  })
})

describe("merge: when it is in sync", () => {
  const relisting: SyncState = {
    held: { ...held, status: "resyncing" },
    phase: listing({ atLeast: 20 }),
  }

  test("ES-B19, U42: the list ends, then it is in sync, at once when nothing came after it", () => {
    expect(run(relisting, [page(20), listed(20)]).types).toEqual([
      "watch",
      "begin-resync",
      "apply-list",
      "end-resync",
      "arm-health-timers",
      "in-sync",
    ])
  })

  test("ES-E13: not before the watch has told what there was when the list ended", () => {
    const behind = run(relisting, [page(20), listed(23), commits(21, 22)])
    const there = run(behind.state, [commits(23)])

    expect(behind.types).not.toContain("in-sync")
    expect(there.types).toEqual(["apply-commits", "in-sync"])
  })

  test("ES-B21, ES-E8: a watch that is lost meanwhile makes one more list, and only then", () => {
    const first = run(relisting, [page(20), listed(23), lost("compacted")])
    const second = run(first.state, [asked(30), page(30), listed(30)])

    expect(first.types).not.toContain("in-sync")
    expect(second.types.filter((type) => type === "in-sync" || type === "list")).toEqual([
      "list",
      "in-sync",
    ])
  })

  test("a watch that has nothing to tell is in sync after a while, one that tells is not", () => {
    const open = run(relisting, [page(20), listed(23)])
    const quiet = run(open.state, [settled])
    const busy = run(open.state, [commits(21), settled])

    expect(quiet.types).toEqual(["in-sync"])
    expect(busy.types).toEqual(["apply-commits", "arm-settle-timer"])
    expect(run(busy.state, [settled]).types).toEqual(["in-sync"])
  })

  test("ES-B22: a watch that goes on where it was is no news", () => {
    const { types, state } = run(watching, [lost("closed"), asked(10), settled])

    expect(types).toEqual(["ask", "watch", "arm-health-timers", "disarm-stale-timer"])
    expect(state.held.status).toBe("in-sync")
  })

  test("WS-E3, WS-B19, U22: progress is where a watch goes on from", () => {
    const progress: SyncEvent = { type: "progress", revision: 40 }
    const { effects } = run(watching, [progress, lost("closed"), asked(40)])

    expect(effects).toContainEqual({ type: "watch", from: 41 })
  })
})

describe("merge: sources that tell no changes (U49)", () => {
  test("WS-B17, WS-B14: are looked at every so often, in sync all the same", () => {
    const { types, state } = run(watching, [lost("unsupported"), resumed, asked(10)])

    expect(types).toEqual(["rest", "ask", "watch", "arm-health-timers"])
    expect(state.held).toEqual({ ...held, polling: true })
  })

  test("WS-B21, U61, WS-E1: are listed where they moved, and no status is said", () => {
    const { effects, types } = run(watching, [
      lost("unsupported"),
      resumed,
      asked(12),
      page(12),
      listed(12),
      lost("unsupported"),
    ])

    expect(types).toEqual([
      "rest",
      "ask",
      "list",
      "watch",
      "begin-resync",
      "apply-list",
      "end-resync",
      "arm-health-timers",
      "rest",
    ])
    expect(effects).toContainEqual({ type: "list", request: { atLeast: 12 } })
  })

  test("are in sync as of the list, also when they moved meanwhile", () => {
    const polled: SyncState = { held: { ...held, status: "resyncing" }, phase: watching.phase }
    const { types } = run(polled, [lost("unsupported")])

    expect(types).toEqual(["rest", "in-sync"])
  })

  test("are watched again as soon as they can be", () => {
    const polled: SyncState = { held: { ...held, polling: true }, phase: watching.phase }

    expect(run(polled, [commits(11)]).state.held.polling).toBe(false)
    expect(run(polled, [{ type: "healthy" }]).state.held.polling).toBe(false)
  })
})

describe("merge: classes of errors (U50)", () => {
  const asking: SyncState = { held, phase: { name: "asking", goal: "watch" } }

  test("retry: the same again, here", () => {
    expect(run(asking, [refused(), asked(10)]).effects).toContainEqual({ type: "watch", from: 11 })
  })

  test("WS-B12, resync: a list, whatever was to be done", () => {
    for (const state of [asking, watching]) {
      const { types } = run(state, [refused("resync"), asked(10)])
      expect(types).toContain("list")
    }
  })

  test("stop: it says so, and ends", () => {
    for (const state of [asking, watching, { held, phase: listing({ atLeast: 1 }) }]) {
      const { effects, state: after } = run(state, [refused("stop")])

      expect(effects).toEqual([
        { type: "end" },
        { type: "status", status: "stale", code: "ERR_SOURCE_FAILED" },
        { type: "fail", code: "ERR_SOURCE_FAILED", error: "why" },
      ])
      expect(after.phase.name).toBe("stopped")
    }
  })

  test("WS-E4: ten refusals at one place are tried from that place, after the first five", () => {
    let state = watching
    const goals: string[] = []
    for (let turn = 0; turn < 10; turn++) {
      state = run(state, [refused()]).state
      if ("goal" in state.phase) goals.push(state.phase.goal)
      state = { held: state.held, phase: watching.phase }
    }

    expect(goals.join()).toBe("watch,watch,watch,watch,list,watch,watch,watch,watch,list")
    expect(state.held.contiguous).toBe(10)
  })
})

describe("merge: ways that change", () => {
  test("WS-B22: a list instead of a watch is resyncing, and never waiting again", () => {
    const spent: SyncState = { held: { ...held, errors: 4 }, phase: watching.phase }
    const { types } = run(spent, [lost("closed"), asked(10), page(10), refused(), asked(10)])

    expect(types.filter((type) => /waiting|resyncing|stale/.test(type))).toEqual([
      "resyncing",
      "stale",
    ])
  })
})

describe("merge: a link that is away for a time (U52)", () => {
  const patient = { staleAfterMs: 60_000 }
  const overdue: SyncEvent = { type: "overdue" }

  test("WS-B12: stale is said when it has failed for so long", () => {
    const away = run(watching, [lost("closed"), refused(), resumed, refused()], patient)
    const late = run(away.state, [overdue, resumed, refused()], patient)

    expect(away.types).toEqual(["ask", "arm-stale-timer", "pause", "ask", "pause"])
    expect(late.types).toEqual(["stale", "ask", "pause"])
  })

  test("being in sync in between ends the wait", () => {
    const { types, state } = run(
      watching,
      [lost("closed"), refused(), resumed, asked(10), settled, overdue],
      patient,
    )

    expect(types.slice(-3)).toEqual(["watch", "arm-health-timers", "disarm-stale-timer"])
    expect(state.held).toMatchObject({ status: "in-sync", unresolved: undefined })
  })

  test("while a list is read it is noted, and said when that fails", () => {
    const reading: SyncState = {
      held: { ...held, unresolved: { code: "ERR_TIMEOUT", isOverdue: false } },
      phase: listing({ atLeast: 10 }),
    }

    expect(run(reading, [overdue], patient).types).toEqual([])
    expect(run(reading, [overdue, refused()], patient).types).toEqual(["ask", "stale"])
  })

  test("WS-B12: before anything was whole, the first failure is told at once", () => {
    const { effects } = run(IDLE, [{ type: "start" }, refused()], patient)

    expect(effects.at(-1)).toEqual({ type: "status", status: "waiting", code: "ERR_SOURCE_FAILED" })
  })

  test("WS-E8, U59: it is said once, however often it fails", () => {
    const failing = Array.from({ length: 6 }, (_, turn) => (turn % 2 ? resumed : refused()))
    const { types } = run({ held, phase: { name: "asking", goal: "watch" } }, failing)

    expect(types.filter((type) => type === "stale")).toEqual(["stale"])
  })
})

describe("merge: histories that go back (U53)", () => {
  test("ES-B27: below what the source itself had said, not only below what was told", () => {
    const listed20: SyncState = { held: { ...held, observed: 20 }, phase: listing({ atLeast: 20 }) }
    const { types } = run(listed20, [page(20), listed(15, 20)])

    expect(types).toContain("renew")
  })

  test("an answer to a question of before is compared with what was known then", () => {
    const moved: SyncState = {
      held: { ...held, observed: 30, contiguous: 30 },
      phase: watching.phase,
    }
    const { types } = run(moved, [{ type: "verified", ...answer(25, 20) }])

    expect(types).toEqual([])
  })

  test("a page of another source is not applied", () => {
    const strange: SyncEvent = {
      type: "page",
      page: { identity: "B", revision: 20, entries: [], invalid: [] },
    }
    const { types } = run({ held, phase: listing({ atLeast: 20 }) }, [strange])

    expect(types).toEqual(["ask", "stale"])
  })
})

describe("merge: one list, and the end (U55)", () => {
  const once = { once: true }

  test("ES-B28: lists, serves that, and ends", () => {
    const first = [{ type: "start" }, asked(5, 0), page(5), listed(7, 5)] as SyncEvent[]
    const { types, state } = run(IDLE, first, once)

    expect(types).toEqual([
      "ask",
      "renew",
      "list",
      "begin-resync",
      "apply-list",
      "resyncing",
      "end-resync",
      "in-sync",
      "end",
    ])
    expect(state).toMatchObject({ held: { contiguous: 5 }, phase: { name: "stopped" } })
  })

  test("ES-B10, ES-B28: what fails is its end", () => {
    const memoryFull: SyncEvent = { type: "failed", code: "ERR_MEMORY_FULL", error: "full" }

    expect(run(IDLE, [{ type: "start" }, refused()], once).types).toEqual([
      "ask",
      "end",
      "waiting",
      "fail",
    ])
    expect(run(IDLE, [{ type: "start" }, memoryFull], once).types.at(-1)).toBe("fail")
  })

  test("a replica that lags is read again", () => {
    const { types } = run(IDLE, [{ type: "start" }, asked(5, 0), page(4)], once)

    expect(types.at(-1)).toBe("pause")
  })
})
