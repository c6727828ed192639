import type { Change, Commit } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const value = (text: string) => new TextEncoder().encode(text)
const put = (key: string, text: string): Change => ({ op: "put", key, value: value(text) })
const remove = (key: string): Change => ({ op: "delete", key })
const commit = (revision: number, ...changes: Change[]): Commit => ({ revision, changes })

async function cacheWith(key: string): Promise<SnapshotCache> {
  const cache = new SnapshotCache({ clock: new ManualClock() })
  cache.renew("e1")
  cache.beginResync()
  const entries = [{ key, value: value("1"), revision: 1 }]
  await cache.applyList({ revision: 1, entries, invalid: [] })
  await cache.endResync(1)
  return cache
}

function deltasSince(cache: SnapshotCache, revision: number): string[] {
  const located = cache.locate({ epoch: "e1", revision })
  if (located.type !== "resume") throw new Error(located.type)
  const deltas = [...(cache.current?.snapshot.changesSince(located.version) ?? [])]
  return deltas.map((delta) => `${delta.op} ${delta.key}@${delta.revision}`).sort()
}

test("DB-B1: however often a key is written, a stalled reader receives it once", async () => {
  const cache = await cacheWith("a")
  for (let revision = 2; revision < 50; revision++) {
    await cache.applyCommits([commit(revision, put("a", `${revision}`))])
  }

  expect(deltasSince(cache, 1)).toEqual(["put a@49"])
  await cache.close()
})

test("DB-B4: put and deleted in a stall leaves the delete, at its revision", async () => {
  const cache = await cacheWith("a")
  await cache.applyCommits([commit(2, put("b", "1")), commit(3, remove("b"), remove("a"))])

  expect(deltasSince(cache, 1)).toEqual(["delete a@3", "delete b@3"])
  await cache.close()
})

test("SC-B6: the same bytes again are a touch, and the entry's revision moves", async () => {
  const cache = await cacheWith("a")
  await cache.applyCommits([commit(2, put("a", "1"))])

  expect(deltasSince(cache, 1)).toEqual(["touch a@2"])
  expect(cache.get("a")).toEqual({ key: "a", value: value("1"), revision: 2 })
  await cache.close()
})

test("SC-B12: cancelling wakes a follower at once, with no clock moving", async () => {
  const cache = await cacheWith("a")
  const controller = new AbortController()
  const frames = cache.follow(undefined, { type: "conflate" }, controller.signal)
  for (let count = 0; count < 4; count++) await frames.next()
  const waiting = frames.next()
  controller.abort(new Error("enough"))

  await expect(waiting).rejects.toThrow("enough")
  expect(cache.changes.size).toBe(0)
  await cache.close()
})

describe("Typha's dedupe buffer, for conflating readers", () => {
  const begin = async () => {
    const cache = await cacheWith("a")
    cache.setStatus("in-sync")
    const { signal } = new AbortController()
    const frames = cache.follow(undefined, { type: "conflate" }, signal)
    for (let count = 0; count < 4; count++) await frames.next()
    const next = async () => {
      const { value: frame } = await frames.next()
      if (frame.type !== "delta") return frame.type
      const deltas = frame.deltas.map(({ op, key, revision }) => `${op} ${key}@${revision}`)
      return `${deltas.sort()} ${frame.position?.revision ?? "…"}`
    }
    return { cache, next }
  }

  test("DB-B2: a key that is written again is sent at its newest; keys may overtake", async () => {
    const { cache, next } = await begin()
    await cache.applyCommits([commit(2, put("b", "1")), commit(3, put("c", "1"))])
    await cache.applyCommits([commit(4, put("b", "2"))])

    expect(await next()).toBe("put b@4,put c@3 4")
    await cache.close()
  })

  test("DB-B5: a repeated status is not sent; of several, the last", async () => {
    const { cache, next } = await begin()
    cache.setStatus("in-sync")
    cache.setStatus("resyncing")
    cache.setStatus("stale", "ERR_SOURCE_FAILED")
    const first = await next()
    const second = next()
    cache.setStatus("stale", "ERR_SOURCE_FAILED")
    await cache.applyCommits([commit(2, put("b", "1"))])

    expect([first, await second]).toEqual(["status", "put b@2 2"])
    await cache.close()
  })

  test("DB-B6, DB-B7: what is newer replaces what was not taken, not what was", async () => {
    const cache = new SnapshotCache({ clock: new ManualClock(), limits: { frameEntriesMax: 1 } })
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(1)
    const { signal } = new AbortController()
    const frames = cache.follow(undefined, { type: "conflate" }, signal)
    for (let count = 0; count < 3; count++) await frames.next()
    await cache.applyCommits([commit(2, put("a", "1"), put("b", "1"))])
    const taken = [(await frames.next()).value]
    // The writer does not wait for who is in the middle of a run.
    await cache.applyCommits([commit(3, put("a", "2"), put("b", "2"))])
    for (let count = 0; count < 3; count++) taken.push((await frames.next()).value)

    const told = taken.map((frame) =>
      frame.type === "delta"
        ? [frame.deltas.map(({ revision }) => revision), frame.position?.revision]
        : frame.type,
    )
    expect(told).toEqual([
      [[2], undefined],
      [[2], 2],
      [[3], undefined],
      [[3], 3],
    ])
    await cache.close()
  })

  test("DB-B12: what was deleted and forgotten gives its memory back", async () => {
    const limits = { historyMs: 0 }
    const cache = new SnapshotCache({ clock: new ManualClock(), limits })
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(1)
    const { engine, trie } = cache.current!.epochState
    const keys = Array.from({ length: 300 }, (_, index) => `k${index}`)
    await cache.applyCommits([commit(2, ...keys.map((key) => put(key, "1")))])
    const full = engine.liveBytes()
    await cache.applyCommits([commit(3, ...keys.map(remove)), commit(4, remove("x"))])
    await cache.applyCommits([commit(5, remove("x"))])
    while (!trie.reclaim(1_000));

    expect([engine.stats().leaves < 3, engine.liveBytes() < full / 4]).toEqual([true, true])
    await cache.close()
  })

  test("TY-E2: a scan after deletes misses no sibling", async () => {
    const cache = await cacheWith("a")
    const keys = Array.from({ length: 400 }, (_, index) => `k${index}`)
    await cache.applyCommits([commit(2, ...keys.map((key) => put(key, "1")))])
    const gone = keys.filter((_, index) => index % 3 === 0)
    await cache.applyCommits([commit(3, ...gone.map(remove))])

    const left = [...(cache.current?.snapshot.entries() ?? [])].map(({ key }) => key)
    expect(left.sort()).toEqual(["a", ...keys.filter((key) => !gone.includes(key))].sort())
    await cache.close()
  })

  test("TY-E11: a list that only deletes wakes the waiters", async () => {
    const { cache, next } = await begin()
    const heard = next()
    cache.beginResync()
    await cache.endResync(9)
    cache.setStatus("in-sync")

    expect(await heard).toBe("delete a@9 9")
    await cache.close()
  })

  test("TY-E12: two restarts in quick succession end in the status that holds", async () => {
    const { cache, next } = await begin()
    for (const status of ["waiting", "resyncing", "waiting", "resyncing"] as const) {
      cache.setStatus(status)
    }

    expect([await next(), cache.report.status]).toEqual(["status", "resyncing"])
    await cache.close()
  })
})

test("SC-B7: the revision is beside the value, not in it, and so is no change of it", async () => {
  const cache = await cacheWith("a")
  await cache.applyCommits([commit(2, put("a", "1"))])
  await cache.applyCommits([commit(3, put("a", "2"))])

  expect([deltasSince(cache, 1), deltasSince(cache, 2)]).toEqual([["put a@3"], ["put a@3"]])
  await cache.close()
})

test("SC-B17, U44: an invalid value is absence, and blocks nothing", async () => {
  const validate = (_key: string, bytes: Uint8Array) =>
    new TextDecoder().decode(bytes) === "!" ? "bad" : undefined
  const cache = new SnapshotCache({ clock: new ManualClock(), validate })
  cache.renew("e1")
  cache.beginResync()
  const entries = [{ key: "a", value: value("1"), revision: 1 }]
  await cache.applyList({ revision: 1, entries, invalid: [] })
  await cache.endResync(1)
  await cache.applyCommits([
    commit(2, put("a", "!"), put("new", "!"), put("b", "1")),
    {
      revision: 3,
      changes: [put("\ufffd", "1"), put("x\ufffd", "1")],
      invalid: [{ key: "\ufffd", reason: "not UTF-8" }],
    },
    { revision: 4, changes: [], invalid: [{ key: "x\ufffd", reason: "not JSON", exact: true }] },
  ])

  expect(deltasSince(cache, 1)).toEqual([
    "delete a@2",
    "delete x\ufffd@4",
    "put b@2",
    "put \ufffd@3",
  ])
  expect([cache.report.invalid, cache.position?.revision]).toEqual([4, 4])
  expect(cache.invalidSample).toEqual([
    { key: "a", reason: "bad" },
    { key: "new", reason: "bad" },
    { key: "\ufffd", reason: "not UTF-8" },
    { key: "x\ufffd", reason: "not JSON" },
  ])
  await cache.close()
})
