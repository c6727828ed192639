import type { Change, Commit } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
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

test("DB-B1: however often a key is written, a stalled reader is told it once", async () => {
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
