import { type Delta, SourceError } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Hub } from "./harness.ts"
import { ScriptedSource } from "./scripted-source.ts"

// What the syncers before this one did, or got wrong, one by one: see the ids in README.md.
describe("Syncer, as its parents", () => {
  let clock: ManualClock
  let source: ScriptedSource
  let hub: Hub

  beforeEach(() => {
    clock = new ManualClock()
    source = new ScriptedSource(10)
    hub = new Hub(source, clock)
  })
  afterEach(async () => {
    await hub.stop()
    expect(clock.timers).toBe(0)
  })

  /** The served keys and their revisions. */
  const served = () => {
    const entries = [...(hub.cache.current?.snapshot.entries() ?? [])]
    return Object.fromEntries(entries.map(({ key, revision }) => [key, revision]).sort())
  }
  const list = async (revision: number, entries: Record<string, number>) => {
    source.page(revision, entries)
    source.end()
    await clock.advance(500)
  }
  const relist = async (now: number) => {
    source.now = now
    source.event({ type: "lost", reason: "compacted" })
    await clock.advance(500)
  }
  const show = ({ op, key, revision }: Delta) => `${op} ${key}@${revision}`

  test("ES-B14, WS-B2: the first status is waiting, and nothing is there", async () => {
    expect(hub.cache.report).toMatchObject({ status: "waiting", lastContact: 0 })
    await clock.settle()
    source.page(10, { a: 5 })
    await clock.settle()

    expect(hub.cache.report.status).toBe("waiting")
    expect(hub.cache.current).toBeUndefined()
  })

  test("ES-B23, WS-B13: the first way is waiting, resyncing, in-sync", async () => {
    await list(10, { a: 5 })

    expect(hub.statuses).toEqual(["resyncing", "in-sync"])
  })

  test("ES-B2, U47: the watch is opened before the list ends, after its revision", async () => {
    await clock.settle()
    source.page(10, { a: 5 })
    await clock.settle()

    expect(source.watches).toEqual([11])
    expect(hub.cache.current).toBeUndefined()
  })

  test("ES-E1: commits of a watch beside a list are newer, and win", async () => {
    source.page(10, { a: 5 })
    await clock.settle()
    source.commit(11, "a")
    source.commit(12, "a", "b")
    await clock.settle()
    source.page(10, { b: 4, c: 3 })
    source.end()
    await clock.settle()

    expect(served()).toEqual({ a: 12, b: 12, c: 3 })
  })

  test("ES-E2: what the watch deletes beside a list stays deleted, directories too", async () => {
    source.page(10, { z: 1 })
    await clock.settle()
    source.commit(15, "-a")
    source.commits({ revision: 16, directories: ["d"], changes: [] })
    await clock.settle()
    source.page(10, { a: 9, "d/x": 8, "d/y": 8, dd: 7 })
    source.end()
    await clock.settle()

    expect(served()).toEqual({ z: 1, dd: 7 })
  })

  test("ES-E3, HW-B2: the watch does not repeat changes that the list has", async () => {
    source.now = 20
    await list(20, { a: 18 })
    const before = hub.cache.current!.snapshot.version
    source.commit(15, "-a")
    source.commit(18, "a")
    await clock.settle()

    expect(served()).toEqual({ a: 18 })
    expect(hub.cache.current!.snapshot.version).toBe(before)
  })

  test("ES-E4, HW-B7: what vanished meanwhile is deleted when the list ends", async () => {
    await list(10, { a: 5, b: 5 })
    const { version } = hub.cache.current!.snapshot
    await relist(30)
    source.page(30, { a: 5 })
    await clock.settle()
    const during = served()
    source.end()
    await clock.settle()

    expect(during).toEqual({ a: 5, b: 5 })
    expect([...hub.cache.current!.snapshot.changesSince(version)].map(show)).toEqual([
      "delete b@30",
    ])
    expect(hub.statuses).toEqual(["resyncing", "in-sync", "resyncing", "in-sync"])
  })

  test("ES-B16, WS-B16, U37: what a later list says again is no change", async () => {
    await list(10, { a: 5, b: 5 })
    const { version } = hub.cache.current!.snapshot
    await relist(30)
    await list(30, { a: 5, b: 5 })

    expect([...hub.cache.current!.snapshot.changesSince(version)]).toEqual([])
  })

  test("ES-E5: what was created after the list's revision is not swept", async () => {
    await list(10, { a: 5 })
    await relist(30)
    source.page(30, { a: 5 })
    await clock.settle()
    source.commit(31, "new")
    await clock.settle()
    source.end()
    await clock.settle()

    expect(served()).toEqual({ a: 5, new: 31 })
  })

  test("ES-E6, HW-B7: a list that is as new as what is held changes nothing of it", async () => {
    await list(10, { a: 10 })
    source.commit(11, "b")
    await clock.settle()
    source.event({ type: "lost", reason: "compacted" })
    await clock.advance(500)
    await list(11, { a: 10, b: 11 })

    expect(served()).toEqual({ a: 10, b: 11 })
  })

  test("ES-B17: the delete of an unknown key leaves a tombstone and no update", async () => {
    await list(10, { a: 5 })
    source.commit(12, "-never", "-a")
    await clock.settle()

    expect(served()).toEqual({})
    expect(hub.cache.position?.revision).toBe(12)
  })

  test("ES-B17, ES-B5: a directory is deleted leaf by leaf, at its revision", async () => {
    await list(10, { "d/a": 5, "d/b/c": 6, db: 7 })
    const { version } = hub.cache.current!.snapshot
    source.commits({ revision: 12, directories: ["d"], changes: [] })
    await clock.settle()

    const deltas = [...hub.cache.current!.snapshot.changesSince(version)].map(show).sort()
    expect(deltas).toEqual(["delete d/a@12", "delete d/b/c@12"])
  })

  test("ES-B24: while it resyncs, the last whole state is read", async () => {
    await list(10, { a: 5 })
    await relist(30)
    source.page(30, { b: 20 })
    source.commit(31, "c")
    await clock.settle()

    expect([served(), hub.cache.report.status]).toEqual([{ a: 5 }, "resyncing"])
    source.end()
    await clock.settle()
    expect([served(), hub.cache.report.status]).toEqual([{ b: 20, c: 31 }, "in-sync"])
  })

  test.each(["before", "after"])(
    "ES-B15: a watch that speaks %s the list ends makes the same of it",
    async (when) => {
      await clock.settle()
      source.page(10, { a: 5, b: 6, c: 7 })
      await clock.settle()
      const speak = () => {
        source.commit(11, "a", "-b")
        source.commit(12, "-a", "d")
      }
      if (when === "before") speak()
      await clock.settle()
      source.end()
      await clock.settle()
      if (when === "after") speak()
      await clock.advance(500)

      expect(served()).toEqual({ c: 7, d: 12 })
      expect(hub.cache.position?.revision).toBe(12)
      expect(hub.cache.report.status).toBe("in-sync")
    },
  )

  test("ES-B13: a list ends once: what it did not name goes then, and nothing after", async () => {
    await list(10, { a: 5, b: 6 })
    await relist(20)
    source.page(20, { a: 5 })
    await clock.settle()
    const during = served()
    source.end()
    source.end()
    await clock.advance(500)
    source.commit(21, "b")
    await clock.settle()

    expect([during, served()]).toEqual([
      { a: 5, b: 6 },
      { a: 5, b: 21 },
    ])
    expect(source.requests.length).toBe(2)
  })

  test("WS-B18: progress moves the position alone, and so does an unknown delete", async () => {
    await list(10, { a: 5 })
    const { current } = hub.cache
    source.event({ type: "progress", revision: 14 })
    await clock.settle()
    const afterProgress = hub.cache.position?.revision
    const isSame = hub.cache.current === current
    source.commit(15, "-unknown")
    await clock.settle()

    expect([afterProgress, isSame, hub.cache.position?.revision]).toEqual([14, true, 15])
    expect([served(), hub.statuses]).toEqual([{ a: 5 }, ["resyncing", "in-sync"]])
  })

  test("ES-E11: a source with the same name and a higher revision is the same", async () => {
    await list(10, { a: 5 })
    const { epoch } = hub.cache
    await relist(40)
    await list(40, { other: 39 })

    expect(hub.cache.epoch).toBe(epoch)
  })

  test("ES-E12: it is in sync when the list ends, without another event", async () => {
    await list(10, { a: 5 })
    await relist(30)
    await list(30, { a: 5 })
    await relist(50)
    await list(50, { a: 5 })

    expect(hub.statuses.filter((status) => status === "in-sync").length).toBe(3)
    expect(hub.cache.position?.revision).toBe(50)
  })

  test("WS-E5, WS-B15: events that come twice are delivered once, deletes too", async () => {
    await list(10, { a: 5, b: 5 })
    source.commit(11, "-a")
    source.commit(12, "b")
    await clock.settle()
    const { version } = hub.cache.current!.snapshot
    source.commit(11, "-a")
    source.commit(12, "b")
    await clock.settle()

    expect(hub.cache.current!.snapshot.version).toBe(version)
    expect(served()).toEqual({ b: 12 })
  })

  test("WS-E6, WS-B4: what waited for a slow cache comes together", async () => {
    await list(10, { a: 5 })
    const { cache } = hub
    const own = cache.applyCommits.bind(cache)
    const calls: number[] = []
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    cache.applyCommits = async (commits) => {
      calls.push(commits.length)
      await gate
      return own(commits)
    }
    for (let revision = 11; revision <= 20; revision++) {
      source.commit(revision, "a")
      await clock.settle()
    }
    release()
    await clock.settle()

    expect(calls).toEqual([1, 9])
    expect(served()).toEqual({ a: 20 })
  })

  test("WS-E2: where history began is forgotten by then: it begins at the present", async () => {
    await hub.stop()
    source = new ScriptedSource(10)
    const kept = Object.assign(source, { oldest: async () => 3 })
    hub = new Hub(kept, clock)
    await clock.settle()
    source.fail(new SourceError("revision 3 is compacted"))
    await clock.advance(500)
    await list(10, { a: 5 })

    expect(source.requests).toEqual([{ at: 3 }, { atLeast: 10 }])
    expect(served()).toEqual({ a: 5 })
  })

  test("U53, ES-B27: another source is another epoch, never a mix and never the end", async () => {
    await list(10, { a: 5, b: 5 })
    const { epoch } = hub.cache
    source.identityNow = "T"
    await relist(40)
    await list(40, { a: 39 })

    expect(hub.cache.epoch).not.toBe(epoch)
    expect(served()).toEqual({ a: 39 })
    expect(hub.cache.locate({ epoch: epoch!, revision: 10 })).toEqual({
      type: "reset",
      reason: "epoch-changed",
    })
  })
})
