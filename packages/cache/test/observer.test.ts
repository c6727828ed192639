import type { Change } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import type { CacheObserver } from "../src/observer.ts"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const value = new TextEncoder().encode("1")
const put = (key: string): Change => ({ op: "put", key, value })

/** Notes every call, as a line. */
function listen(): { heard: string[]; observer: Required<CacheObserver> } {
  const heard: string[] = []
  const note =
    (what: string) =>
    (...how: readonly unknown[]) => {
      heard.push([what, ...how.map((part) => JSON.stringify(part))].join(" "))
    }
  const observer = {
    onApply: note("apply"),
    onResync: note("resync"),
    onBreadcrumb: note("breadcrumb"),
    onEncode: note("encode"),
    onStatus: note("status"),
    onWake: note("wake"),
    onFollowers: note("followers"),
    onRun: note("run"),
    onCatchUp: note("catch-up"),
    onLeaseEnd: note("lease end"),
    onEnd: note("end"),
    onMemoryFull: note("memory full"),
    onError: note("error"),
  }
  return { heard, observer }
}

async function start(observer?: CacheObserver): Promise<[SnapshotCache, ManualClock]> {
  const clock = new ManualClock()
  const cache = new SnapshotCache({
    clock,
    limits: { historyMs: 256_000 },
    ...(observer && { observer }),
  })
  cache.renew("e1")
  cache.beginResync()
  await cache.applyList({ revision: 1, entries: [{ key: "a", value, revision: 1 }], invalid: [] })
  await clock.advance(7)
  await cache.endResync(1)
  return [cache, clock]
}

test("an observer receives chunks, lists, breadcrumbs and waiters (U38)", async () => {
  const { heard, observer } = listen()
  const [cache] = await start(observer)
  cache.setStatus("in-sync")
  cache.setStatus("in-sync")
  const woken = cache.changes.wait()
  await cache.applyCommits([{ revision: 2, changes: [put("b")] }])
  await woken
  cache.progress(5)
  await cache.close()

  expect(heard).toEqual([
    'breadcrumb {"sequence":1,"entries":1}',
    "wake 0",
    'resync {"entries":1,"durationMs":7}',
    'status "in-sync"',
    "wake 0",
    'breadcrumb {"sequence":3,"entries":2}',
    "wake 1",
    'apply {"updates":1}',
    "wake 0",
  ])
})

test("an observer receives followers by policy: their begin, lag and end (U38)", async () => {
  const { heard, observer } = listen()
  const [cache, clock] = await start(observer)
  await cache.applyCommits([{ revision: 2, changes: [put("b")] }])
  heard.length = 0
  const { signal } = new AbortController()
  const first = cache.follow(undefined, { type: "conflate" }, signal)
  const pin = { type: "pin", itemsMax: 1, bytesMax: 1_000 } as const
  const second = cache.follow({ epoch: "e1", revision: 1 }, pin, signal)
  for (let count = 0; count < 4; count++) await first.next()
  for (let count = 0; count < 3; count++) await second.next()
  for (let revision = 3; revision <= 4; revision++) {
    await cache.applyCommits([{ revision, changes: [put(`c${revision}`)] }])
    await clock.advance(1_000)
  }
  await cache.applyCommits([{ revision: 5, changes: [put("d")] }])
  await first.next()
  await first.return(undefined as never)
  await expect(second.next()).rejects.toThrow("lagged")
  await cache.close()

  const isOfFollowers = (line: string) => !/^(apply|breadcrumb|wake)/.test(line)
  expect(heard.filter(isOfFollowers)).toEqual([
    'followers 1 {"policy":"conflate","followers":1}',
    'run "fresh"',
    'followers 2 {"policy":"pin","followers":1}',
    'run "resumed"',
    "encode 20",
    "encode 20",
    'catch-up {"policy":"conflate","versions":3,"lagMs":2000}',
    'followers 1 {"policy":"conflate","followers":0}',
    'end {"policy":"conflate","reason":"left"}',
    'followers 0 {"policy":"pin","followers":0}',
    'end {"policy":"pin","reason":"lagged"}',
  ])
})

test("a breadcrumb is encoded once for 1,000 pin followers, and not for others", async () => {
  const { heard, observer } = listen()
  const [cache] = await start(observer)
  const { signal } = new AbortController()
  const pin = { type: "pin", itemsMax: 10, bytesMax: 10_000 } as const
  const policies = [{ type: "conflate" } as const, ...Array.from({ length: 1_000 }, () => pin)]
  const all = policies.map((policy) => cache.follow(undefined, policy, signal))
  for (const frames of all) for (let count = 0; count < 4; count++) await frames.next()
  for (let revision = 2; revision <= 4; revision++) {
    await cache.applyCommits([{ revision, changes: [put("b")] }])
  }
  const told = await Promise.all(all.map(async (frames) => (await frames.next()).value))

  expect(heard.filter((line) => line.startsWith("encode"))).toHaveLength(3)
  const positions = told.map((frame) => frame.type === "delta" && frame.position?.revision)
  expect(positions).toEqual([4, ...Array(1_000).fill(2)])
  await cache.close()
})

test("without an observer, or with an empty one, all is the same", async () => {
  for (const observer of [undefined, {}]) {
    const [cache] = await start(observer)
    cache.setStatus("in-sync")
    const { signal } = new AbortController()
    for await (const frame of cache.follow(undefined, { type: "conflate" }, signal)) {
      expect(frame.type).toBe("reset")
      break
    }
    await cache.close()
  }
})

test("an observer that throws changes nothing, also in a timer", async () => {
  const throws = () => {
    throw new Error("no metrics today")
  }
  const { observer } = listen()
  const broken = Object.fromEntries(Object.keys(observer).map((name) => [name, throws]))
  const [cache, clock] = await start(broken)
  cache.setStatus("in-sync")
  const pin = { type: "pin", itemsMax: 9, bytesMax: 999 } as const
  const frames = cache.follow(undefined, pin, new AbortController().signal)
  const first = await frames.next()
  await cache.applyCommits([{ revision: 2, changes: [put("b")] }])
  await clock.advance(60_000)

  expect(first.value).toMatchObject({ type: "reset" })
  expect(cache.position?.revision).toBe(2)
  expect(cache.current?.epochState.engine.stats().snapshots).toBeLessThanOrEqual(2)
  await cache.close()
})
