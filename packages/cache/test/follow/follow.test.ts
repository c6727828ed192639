import { ClosedError, type Commit, type Delta, LaggedError, type Position } from "@headwater/core"
import type { Policy } from "@headwater/stream"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { CacheFrame } from "../../src/follow/cache-frame.ts"
import { SnapshotCache } from "../../src/snapshot-cache.ts"

const conflate: Policy = { type: "conflate" }
const pin: Policy = { type: "pin", itemsMax: 3, bytesMax: 10_000 }
const never = new AbortController().signal
const put = (revision: number, key: string, value = "v"): Commit => ({
  revision,
  changes: [{ op: "put", key, value: new TextEncoder().encode(value) }],
})
const remove = (revision: number, key: string): Commit => ({
  revision,
  changes: [{ op: "delete", key }],
})

const showDelta = ({ op, key, revision }: Delta) => `${op} ${key}@${revision}`
function show(frame: CacheFrame): string {
  switch (frame.type) {
    case "reset":
      return `reset ${frame.reason} ${frame.epoch}`
    case "entries":
      return `entries ${frame.entries.map(({ key, revision }) => `${key}@${revision}`).sort()}`
    case "delta":
      return `delta ${frame.deltas.map(showDelta).sort()} ${frame.position?.revision ?? "…"}`
    case "sync":
      return `sync ${frame.position.revision} ${frame.entries}`
    case "status":
      return `status ${frame.report.status}`
  }
}

describe("SnapshotCache.follow()", () => {
  let clock: ManualClock
  let cache: SnapshotCache

  beforeEach(async () => {
    clock = new ManualClock()
    cache = new SnapshotCache({ clock, limits: { historyMs: 1_000 } })
    cache.renew("e1")
    await list(1, [])
    await cache.applyCommits([put(2, "a"), put(3, "b")])
    cache.setStatus("in-sync")
  })

  afterEach(async () => {
    const { engine, trie } = cache.current?.epochState ?? {}
    while (trie?.reclaim(1_000) === false);
    if (engine !== undefined) {
      expect(engine.stats().snapshots).toBe(1)
      expect(engine.stats().items).toBeLessThanOrEqual(1)
    }
    cache.assertInvariants()
    expect(cache.changes.size).toBe(0)
    await cache.close()
  })

  const list = async (revision: number, keys: string[]) => {
    cache.beginResync()
    const value = new TextEncoder().encode("v")
    const entries = keys.map((key) => ({ key, value, revision }))
    await cache.applyList({ revision, entries, invalid: [] })
    await cache.endResync(revision)
  }
  const at = (revision: number, epoch = "e1"): Position => ({ epoch, revision })
  const take = async (frames: AsyncIterator<CacheFrame>, count: number) => {
    const taken: string[] = []
    while (taken.length < count) taken.push(show((await frames.next()).value))
    return taken
  }

  test.each([
    ["conflate", conflate],
    ["pin", pin],
  ])(
    "%s: a status comes after the data that it covers, also in the first run",
    async (_, policy) => {
      cache.setStatus("resyncing")
      const frames = cache.follow(undefined, policy, never)
      expect(await take(frames, 2)).toEqual(["reset fresh e1", "entries a@2,b@3"])
      await cache.applyCommits([put(4, "c")])
      cache.setStatus("in-sync")

      expect(await take(frames, 4)).toEqual([
        "sync 3 2",
        "status resyncing",
        "delta put c@4 4",
        "status in-sync",
      ])
      await frames.return?.(undefined as never)
    },
  )

  test.each([
    ["conflate", conflate],
    ["pin", pin],
  ])("%s: a snapshot, sync, status, then each commit", async (_name, policy) => {
    const frames = cache.follow(undefined, policy, never)
    expect(await take(frames, 4)).toEqual([
      "reset fresh e1",
      "entries a@2,b@3",
      "sync 3 2",
      "status in-sync",
    ])

    await cache.applyCommits([put(4, "c"), remove(5, "a")])
    expect(await take(frames, 1)).toEqual(["delta delete a@5,put c@4 5"])
    cache.progress(9)
    cache.setStatus("stale")
    expect(await take(frames, 2)).toEqual(["sync 9 2", "status stale"])
    await frames.return(undefined as never)
  })

  test.each([
    ["conflate", conflate],
    ["pin", pin],
  ])("%s: from a position it is resumed, without a reset", async (_name, policy) => {
    const frames = cache.follow(at(3), policy, never)
    expect(await take(frames, 2)).toEqual(["sync 3 2", "status in-sync"])

    await cache.applyCommits([put(4, "c")])
    const later = cache.follow(at(3), policy, never)
    expect(await take(later, 3)).toEqual(["delta put c@4 4", "sync 4 3", "status in-sync"])
    expect(await take(frames, 1)).toEqual(["delta put c@4 4"])
    await frames.return(undefined as never)
    await later.return(undefined as never)
  })

  test("from a position of another epoch, or one that is compacted, it is reset", async () => {
    for (const [from, reason] of [
      [at(3, "e0"), "epoch-changed"],
      [at(0), "fresh"],
    ] as const) {
      const frames = cache.follow(from, conflate, never)
      expect(await take(frames, 1)).toEqual([`reset ${reason} e1`])
      await frames.return(undefined as never)
    }
    await list(9, ["a"])
    const frames = cache.follow(at(7), conflate, never)
    expect(await take(frames, 3)).toEqual(["reset compacted e1", "entries a@9", "sync 9 1"])
    await frames.return(undefined as never)
  })

  test("a position ahead waits until the cache is there", async () => {
    const frames = cache.follow(at(5), conflate, never)
    const first = frames.next()
    await cache.applyCommits([put(4, "c")])
    await cache.applyCommits([put(5, "d")])

    expect(show((await first).value)).toBe("sync 5 4")
    await frames.return(undefined as never)
  })

  test("a cache that has nothing yet makes its followers wait", async () => {
    await cache.close()
    cache = new SnapshotCache({ clock })
    const frames = cache.follow(undefined, conflate, never)
    const first = frames.next()
    cache.renew("e1")
    await list(1, ["a"])

    expect(show((await first).value)).toBe("reset fresh e1")
    await frames.return(undefined as never)
  })

  test("conflate: a follower that stalls receives one delta per key", async () => {
    const frames = cache.follow(undefined, conflate, never)
    await take(frames, 4)
    for (let revision = 4; revision <= 200; revision++) {
      await cache.applyCommits([put(revision, "a", `${revision}`)])
    }
    await cache.applyCommits([put(201, "c"), remove(202, "c")])

    expect(await take(frames, 1)).toEqual(["delta delete c@202,put a@200 202"])
    await frames.return(undefined as never)
  })

  test("conflate: a follower that stalls beyond the horizon starts afresh", async () => {
    const frames = cache.follow(undefined, conflate, never)
    await take(frames, 4)
    for (let revision = 4; revision <= 8; revision++) {
      await clock.advance(600)
      await cache.applyCommits([remove(revision, `x${revision}`)])
    }

    expect(await take(frames, 3)).toEqual(["reset compacted e1", "entries a@2,b@3", "sync 8 2"])
    await frames.return(undefined as never)
  })

  test("conflate: a follower that stalls inside a run goes on where it was", async () => {
    await cache.close()
    cache = new SnapshotCache({ clock, limits: { frameEntriesMax: 1 } })
    cache.renew("e1")
    await list(2, ["a", "b", "c"])
    const frames = cache.follow(undefined, conflate, never)
    await take(frames, 2)
    await cache.applyCommits([remove(3, "a"), remove(4, "b"), remove(5, "c")])
    expect((await take(frames, 3)).at(-1)).toBe("sync 2 3")

    expect((await take(frames, 4)).map((line) => line.split(" ")[0])).toEqual([
      "status",
      "delta",
      "delta",
      "delta",
    ])
    await frames.return(undefined as never)
  })

  test("pin: every breadcrumb, one by one, and LaggedError beyond the bound", async () => {
    const frames = cache.follow(undefined, pin, never)
    await take(frames, 4)
    for (let revision = 4; revision <= 6; revision++) await cache.applyCommits([put(revision, "a")])
    expect(await take(frames, 3)).toEqual([
      "delta touch a@4 4",
      "delta touch a@5 5",
      "delta touch a@6 6",
    ])

    for (let revision = 7; revision <= 10; revision++)
      await cache.applyCommits([put(revision, "a")])
    await expect(frames.next()).rejects.toEqual(new LaggedError(0, 4))
  })

  test("pin: what commits while the snapshot is read comes after it, once", async () => {
    const frames = cache.follow(undefined, pin, never)
    await take(frames, 1)
    await cache.applyCommits([put(4, "c")])

    expect(await take(frames, 4)).toEqual([
      "entries a@2,b@3",
      "sync 3 2",
      "status in-sync",
      "delta put c@4 4",
    ])
    await frames.return(undefined as never)
  })

  test("disconnect: lag and grace exceeded end it; lag alone does not", async () => {
    const policy: Policy = { type: "disconnect", lagMs: 300, graceMs: 500 }
    const frames = cache.follow(undefined, policy, never)
    await take(frames, 4)
    await cache.applyCommits([put(4, "c")])
    await clock.advance(400)
    await cache.applyCommits([put(5, "d")])
    expect(await take(frames, 1)).toEqual(["delta put c@4,put d@5 5"])

    await cache.applyCommits([put(6, "e")])
    await clock.advance(400)
    await cache.applyCommits([put(7, "f")])
    await expect(frames.next()).rejects.toThrow(LaggedError)
  })

  test("a new epoch resets its followers", async () => {
    const frames = cache.follow(undefined, pin, never)
    await take(frames, 4)
    cache.renew("e2")
    await list(1, ["z"])

    expect(await take(frames, 3)).toEqual(["reset epoch-changed e2", "entries z@1", "sync 1 1"])
    await frames.return(undefined as never)
  })

  test("an epoch disposed of in the middle of its snapshot is replaced by the next", async () => {
    await cache.close()
    cache = new SnapshotCache({ clock, limits: { epochsMax: 0, frameEntriesMax: 1 } })
    cache.renew("e1")
    await list(2, ["a", "b", "c"])
    const frames = cache.follow(undefined, conflate, never)
    await take(frames, 1)
    cache.renew("e2")
    await list(1, ["z"])

    const rest = await take(frames, 3)
    expect(rest.slice(-3)).toEqual(["reset epoch-changed e2", "entries z@1", "sync 1 1"])
    await frames.return(undefined as never)
  })

  test("cancelled while it waits, it rejects with the reason; closed, it says so", async () => {
    const abort = new AbortController()
    const frames = cache.follow(undefined, conflate, abort.signal)
    await take(frames, 4)
    const next = frames.next()
    abort.abort(new Error("enough"))
    await expect(next).rejects.toThrow("enough")

    const other = cache.follow(undefined, pin, never)
    await take(other, 4)
    const last = other.next()
    await cache.close()
    await expect(last).rejects.toEqual(new ClosedError("shutdown"))
  })
})
