import { type Change, ClosedError, type Commit, type Delta } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { integerBelow, ManualClock, prng, seedFrom } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { Breadcrumb } from "../src/breadcrumb.ts"
import type { SnapshotCacheOptions } from "../src/cache-options.ts"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const put = (key: string, value = "v"): Change => ({ op: "put", key, value: encoder.encode(value) })
const remove = (key: string): Change => ({ op: "delete", key })
const commit = (revision: number, ...changes: Change[]): Commit => ({ revision, changes })
const puts = (revision: number, count: number): Commit =>
  commit(revision, ...Array.from({ length: count }, (_, index) => put(`k${index}`, `${revision}`)))
const engine = { build: debugBuild, bytesMax: 8 * 2 ** 20 }

type State = Map<string, string>

function stateOf({ snapshot }: Breadcrumb): State {
  const state: State = new Map()
  for (const { key, value, revision } of snapshot.entries()) {
    state.set(key, `${decoder.decode(value)}@${revision}`)
  }
  return state
}

function applyTo(state: State, deltas: Iterable<Delta>): State {
  const next = new Map(state)
  for (const delta of deltas) {
    const held = next.get(delta.key)?.split("@")[0]
    if (delta.op === "delete") next.delete(delta.key)
    else {
      const value = delta.op === "put" ? decoder.decode(delta.value) : held
      next.set(delta.key, `${value}@${delta.revision}`)
    }
  }
  return next
}

const sorted = (state: State) => [...state].sort(([a], [b]) => (a < b ? -1 : 1))

describe("Breadcrumb", () => {
  let clock: ManualClock
  let cache: SnapshotCache
  /** Every breadcrumb, as a waiter that is woken by each of them finds it. */
  let met: { sequence: number; status: string; reach: number; deltas: number }[]

  const start = async (options: Partial<SnapshotCacheOptions> = {}) => {
    clock = new ManualClock()
    met = []
    const meet = () => {
      const { sequence, status, snapshot } = cache.current as Breadcrumb
      if (met.at(-1)?.sequence === sequence) return
      const deltas = [...(cache.current?.deltas() ?? [])].length
      met.push({ sequence, status, reach: snapshot.reach, deltas })
    }
    const observer = { onWake: () => cache.current && meet() }
    cache = new SnapshotCache({ clock, engine, observer, ...options })
    cache.renew("e1")
    cache.beginResync()
    await cache.applyList({ revision: 1, entries: [], invalid: [] })
    await cache.endResync(1)
  }
  beforeEach(() => start())
  afterEach(() => cache.close())

  test("SC-B1: no commits are nothing", async () => {
    const { current } = cache
    await cache.applyCommits([])

    expect(cache.current).toBe(current)
  })

  test("SC-B2: commits are taken together up to 100 updates, never cut to fill up", async () => {
    await cache.applyCommits([puts(2, 60), puts(3, 40), puts(4, 99), puts(5, 2)])

    expect(met.slice(1)).toEqual([
      { sequence: 2, status: "waiting", reach: 3, deltas: 60 },
      { sequence: 3, status: "waiting", reach: 4, deltas: 99 },
      { sequence: 4, status: "waiting", reach: 5, deltas: 2 },
    ])
  })

  test("SC-B2: a larger commit overshoots: one breadcrumb, with its last chunk", async () => {
    await cache.applyCommits([puts(2, 1), puts(3, 250)])

    expect(met.slice(1)).toEqual([
      { sequence: 2, status: "waiting", reach: 2, deltas: 1 },
      { sequence: 3, status: "waiting", reach: 3, deltas: 250 },
    ])
  })

  test("SC-B3, SC-B4: a status comes after the last chunk of the data that it covers", async () => {
    await cache.applyCommits([puts(2, 100), puts(3, 100), puts(4, 5)])
    cache.setStatus("in-sync")

    expect(met.slice(1).map(({ status, reach, deltas }) => [status, reach, deltas])).toEqual([
      ["waiting", 2, 100],
      ["waiting", 3, 100],
      ["waiting", 4, 5],
      ["in-sync", 4, 0],
    ])
  })

  test("SC-B4: a status that is over before a reader looks is conflated", async () => {
    cache.setStatus("in-sync")
    const frames = cache.follow(undefined, { type: "conflate" }, new AbortController().signal)
    const types = [await frames.next(), await frames.next(), await frames.next()]
    cache.setStatus("resyncing")
    cache.setStatus("in-sync")
    const next = frames.next()
    await cache.applyCommits([commit(2, put("a"))])

    expect(types.map(({ value }) => value.type)).toEqual(["reset", "sync", "status"])
    // Its time is news: what began anew began later.
    expect([(await next).value.type, cache.current?.sequence]).toEqual(["delta", 5])
    await frames.return(undefined as never)
  })

  test("SC-B8: nothing changed, same status: no breadcrumb; else sequences follow on", async () => {
    cache.setStatus("in-sync")
    cache.setStatus("in-sync")
    await cache.applyCommits([commit(2), commit(3)])
    cache.progress(9)
    await cache.applyCommits([commit(10, put("a"))])

    expect(met.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
  })

  test("SC-B10: a waiter that is woken finds the breadcrumb that it was woken for", async () => {
    const before = cache.current as Breadcrumb
    const found = before.next().then((crumb) => [crumb === cache.current, crumb.sequence])
    await cache.applyCommits([commit(2, put("a"))])

    expect(await found).toEqual([true, 2])
  })

  test("SC-B11: next() gives what is there, also after an abort", async () => {
    const first = cache.current as Breadcrumb
    await cache.applyCommits([commit(2, put("a"))])
    await cache.applyCommits([commit(3, put("b"))])
    const next = await first.next(AbortSignal.abort(new Error("enough")))

    expect([next.sequence, next === cache.current]).toEqual([3, true])
    await expect(next.next(AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough")
  })

  test("SC-B12, SC-B16: a waiter is woken at once by its signal, and by close()", async () => {
    const abort = new AbortController()
    const crumb = cache.current as Breadcrumb
    const cancelled = crumb.next(abort.signal)
    const closed = crumb.next()
    abort.abort(new Error("enough"))
    await expect(cancelled).rejects.toThrow("enough")
    await cache.close()

    await expect(closed).rejects.toEqual(new ClosedError("shutdown"))
    await expect(crumb.next()).rejects.toEqual(new ClosedError("shutdown"))
    expect([cache.changes.size, clock.timers]).toEqual([0, 0])
  })

  test("SC-B13: an old breadcrumb that is held keeps its state, and delays no one", async () => {
    await cache.applyCommits([puts(2, 3)])
    const old = cache.current as Breadcrumb
    const held = old.snapshot.retain()
    for (let revision = 3; revision < 50; revision++) await cache.applyCommits([puts(revision, 3)])

    expect([...held.entries()].map(({ revision }) => revision)).toEqual([2, 2, 2])
    expect([...(cache.current?.snapshot.changesSince(held.version) ?? [])]).toHaveLength(3)
    held.dispose()
    while (!old.epochState.trie.reclaim(1_000));
    expect(old.epochState.engine.stats().snapshots).toBe(1)
  })

  test("SC-B14, SC-B15: before the first list there is none; the status is waiting", async () => {
    const empty = new SnapshotCache({ clock, engine })
    const first = [empty.current, empty.report.status, empty.wasInSync]
    empty.setStatus("in-sync")

    expect([first, empty.report.status, empty.wasInSync]).toEqual([
      [undefined, "waiting", false],
      "in-sync",
      true,
    ])
    await empty.close()
  })

  test("deltas() of the first breadcrumb are all entries; of a status, none", async () => {
    await cache.applyCommits([commit(2, put("a")), commit(3, put("b"), remove("a"))])
    cache.setStatus("in-sync")
    const ofStatus = [...(cache.current?.deltas() ?? [])]
    cache.renew("e2")
    cache.beginResync()
    const entries = [{ key: "z", value: encoder.encode("v"), revision: 1 }]
    await cache.applyList({ revision: 1, entries, invalid: [] })
    await cache.endResync(1)

    expect(ofStatus).toEqual([])
    expect([...(cache.current?.deltas() ?? [])]).toEqual([{ op: "put", ...entries[0] }])
  })

  test("deltas() that a sweep has passed are undefined, never incomplete", async () => {
    await cache.close()
    await start({ limits: { historyMs: 0 } })
    await cache.applyCommits([commit(2, put("a"))])
    await cache.applyCommits([commit(3, remove("a"))])

    expect(cache.current?.deltas()).toBeUndefined()
    expect(met.at(-1)).toEqual({ sequence: 3, status: "waiting", reach: 3, deltas: 1 })
  })
})

describe("Breadcrumb (model)", () => {
  const seed = seedFrom(process.env.HEADWATER_SEED)
  const rounds = process.env.HEADWATER_FULL === "1" ? 20_000 : 1_500

  test("SC-B9: state(n) and deltas(n + 1) are state(n + 1); no change is no delta", async () => {
    const random = prng(seed)
    const below = (bound: number) => integerBelow(random, bound)
    const clock = new ManualClock()
    const limits = { chunkUpdatesMax: 4, historyMs: 50 }
    const cache = new SnapshotCache({ clock, engine, limits })
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(1)
    let before = stateOf(cache.current as Breadcrumb)
    let crumb = cache.current as Breadcrumb
    for (let revision = 2; revision < rounds; revision++) {
      const keys = new Set(Array.from({ length: below(7) }, () => `k${below(12)}`))
      const changes = [...keys].map((key) =>
        below(3) === 0 ? remove(key) : put(key, `${below(2)}`),
      )
      if (below(9) === 0) await clock.advance(below(60))
      await cache.applyCommits([commit(revision, ...changes)])
      const next = cache.current as Breadcrumb
      expect(next.sequence - crumb.sequence).toBe(changes.length > 0 ? 1 : 0)
      const deltas = next.deltas()
      if (changes.length > 0 && deltas !== undefined) {
        expect(sorted(applyTo(before, deltas))).toEqual(sorted(stateOf(next)))
      }
      before = stateOf(next)
      crumb = next
    }
    await cache.close()
  })
})
