import { ManualClock, UnreliableSource } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type MemorySource, memorySource } from "../src/sources/memory/index.ts"
import { Syncer } from "../src/syncer.ts"
import type { SyncTarget } from "../src/syncer-options.ts"
import { contentOf, contentOfCache, del, Hub, never, put, write } from "./harness.ts"

describe("Syncer, with a memory source and a real cache", () => {
  let clock: ManualClock
  let memory: MemorySource
  let source: UnreliableSource
  let hubs: Hub[]

  beforeEach(() => {
    clock = new ManualClock()
    memory = memorySource()
    source = new UnreliableSource(memory)
    hubs = []
  })

  // A syncer that was stopped has left nothing: no call, no watch, no timer.
  afterEach(async () => {
    await Promise.all(hubs.map((hub) => hub.stop()))
    expect({ open: memory.open, watches: source.watches, timers: clock.timers }).toEqual({
      open: 0,
      watches: 0,
      timers: 0,
    })
  })

  const start = (options: ConstructorParameters<typeof Hub>[2] = {}) => {
    const hub = new Hub(source, clock, options)
    hubs.push(hub)
    return hub
  }

  test("lists, then follows every commit", async () => {
    await write(memory, put("a", "1"), put("b", "1"))
    const hub = start()
    await clock.settle()
    const listed = contentOfCache(hub.cache)
    await write(memory, put("a", "2"), del("b"))
    await write(memory, put("c", "3"))
    await clock.settle()

    expect(listed).toEqual({ a: "1 at 2", b: "1 at 2" })
    expect(contentOfCache(hub.cache)).toEqual({ a: "2 at 3", c: "3 at 4" })
    expect(hub.cache.position?.revision).toBe(4)
    expect(hub.statuses).toEqual(["resyncing", "in-sync"])
  })

  test("two hubs of one source have one epoch, and the same positions", async () => {
    await write(memory, put("a", "1"))
    const [one, other] = [start({ seed: 1 }), start({ seed: 2 })]
    await clock.settle()

    expect(one.cache.position).toEqual(other.cache.position)
    expect(one.cache.current?.snapshot.digest).toBe(other.cache.current?.snapshot.digest)
  })

  test("a watch that is cut goes on from the next revision, without a status", async () => {
    const hub = start()
    await clock.settle()
    source.cut()
    await write(memory, put("a", "1"))
    await write(memory, del("a"))
    await write(memory, put("b", "1"))
    await clock.settle()

    expect(hub.cache.position?.revision).toBe(4)
    expect(hub.cache.locate({ epoch: hub.cache.epoch!, revision: 3 }).type).toBe("resume")
    expect(hub.statuses).toEqual(["resyncing", "in-sync"])
  })

  test("an unreachable source is stale; after its return, every change is applied", async () => {
    const hub = start()
    await clock.settle()
    source.refuse(true)
    await clock.advance(5_000)
    const away = hub.cache.report
    await write(memory, put("a", "1"))
    source.refuse(false)
    await clock.advance(30_000)

    expect(away).toMatchObject({ status: "stale", code: "ERR_SOURCE_FAILED" })
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(memory))
    expect(hub.statuses).toEqual(["resyncing", "in-sync", "stale ERR_SOURCE_FAILED", "in-sync"])
  })

  test("a source that is not there yet is waited for", async () => {
    source.refuse(true)
    const hub = start()
    await clock.advance(20_000)
    const waiting = hub.cache.report
    source.refuse(false)
    await clock.advance(30_000)

    expect(waiting).toMatchObject({ status: "waiting", code: "ERR_SOURCE_FAILED", lastContact: 0 })
    expect(hub.cache.report).toMatchObject({ status: "in-sync", invalid: 0 })
  })

  test("history that was forgotten meanwhile is listed, with a gap", async () => {
    await write(memory, put("old", "1"), put("kept", "1"))
    const hub = start()
    await clock.settle()
    source.refuse(true)
    await clock.settle()
    await write(memory, put("came and went", "1"))
    await write(memory, del("came and went"), del("old"))
    await write(memory, put("new", "1"))
    memory.compact()
    source.refuse(false)
    await clock.advance(30_000)
    const { cache } = hub

    expect(contentOfCache(cache)).toEqual({ kept: "1 at 2", new: "1 at 5" })
    expect(
      [2, 3, 4, 5].map((revision) => cache.locate({ epoch: cache.epoch!, revision }).type),
    ).toEqual(["resume", "reset", "reset", "resume"])
    expect(hub.statuses).toEqual(["resyncing", "in-sync", "stale ERR_SOURCE_FAILED", "in-sync"])
  })

  test("another source is another epoch; the old state is served until it is whole", async () => {
    await write(memory, put("a", "old"))
    const hub = start()
    await clock.settle()
    const before = hub.cache.epoch
    const other = memorySource({ entries: [["a", new TextEncoder().encode("new")]] })
    await source.replaceBy(other)
    await clock.advance(500)

    expect(hub.cache.epoch).not.toBe(before)
    expect(contentOfCache(hub.cache)).toEqual({ a: "new at 1" })
    expect(hub.statuses).toEqual(["resyncing", "in-sync", "resyncing", "in-sync"])
    expect(other.open).toBe(1)
  })

  test("a source whose history went back is another epoch, whatever it says", async () => {
    for (const value of ["1", "2", "3"]) await write(memory, put("a", value))
    const hub = start()
    await clock.settle()
    const before = hub.cache.position!
    const restored = memorySource()
    await write(restored, put("a", "restored"))
    await source.replaceBy(restored, true)
    await clock.advance(500)

    expect(hub.cache.locate(before)).toEqual({ type: "reset", reason: "epoch-changed" })
    expect(contentOfCache(hub.cache)).toEqual({ a: "restored at 2" })
  })

  test("a silent watch is asked about, and replaced when it missed something", async () => {
    const hub = start({ limits: { watchSilenceMs: 1_000 } })
    await clock.settle()
    source.mute(true)
    await write(memory, put("a", "1"))
    await clock.advance(999)
    const before = contentOfCache(hub.cache)
    source.cut()
    source.mute(false)
    await clock.advance(1)

    expect(before).toEqual({})
    expect(contentOfCache(hub.cache)).toEqual({ a: "1 at 2" })
  })

  test("WS-B20: a silent watch alone, with nothing cut, is ended and replaced too", async () => {
    const hub = start({ limits: { watchSilenceMs: 1_000 } })
    await clock.settle()
    // The watch that is open stays deaf; one that is opened later hears.
    const deaf = source
    deaf.mute(true)
    await write(memory, put("a", "1"))
    await clock.advance(900)
    expect(contentOfCache(hub.cache)).toEqual({})
    const watches = deaf.watches
    await clock.advance(100)
    deaf.mute(false)
    await clock.settle()

    expect(watches).toBe(1)
    expect(deaf.watches).toBe(1)
    expect(contentOfCache(hub.cache)).toEqual({ a: "1 at 2" })
    expect(hub.statuses).toEqual(["resyncing", "in-sync"])
  })

  test("revisionAtLeast() asks the source, and its no is final", async () => {
    const hub = start()
    await clock.settle()
    source.mute(true)
    const written = await write(memory, put("a", "1"))

    expect(await hub.syncer.revisionAtLeast(written, never)).toBe(true)
    expect(await hub.syncer.revisionAtLeast(written + 1, never)).toBe(false)
    source.mute(false)
    await clock.advance(10_000)
  })

  test("revisionAtLeast() asks again while the source does not answer, until aborted", async () => {
    const hub = start()
    await clock.settle()
    source.refuse(true)
    const abort = new AbortController()
    const asking = hub.syncer.revisionAtLeast(5, abort.signal)
    const given = hub.syncer.revisionAtLeast(1_000, never)
    await clock.advance(1_000)
    abort.abort(new Error("reader left"))
    await expect(asking).rejects.toThrow("reader left")
    source.refuse(false)
    await clock.advance(60_000)

    expect(await given).toBe(false)
  })

  test("a reader ahead of a silent watch causes a list", async () => {
    const hub = start({ limits: { aheadMs: 1_000 } })
    await clock.settle()
    source.mute(true)
    await write(memory, put("a", "1"))
    const ahead = await write(memory, put("a", "2"))
    await write(memory, put("a", "3"))
    await hub.syncer.revisionAtLeast(ahead, never)
    await clock.advance(1_000)

    expect(hub.cache.position?.revision).toBe(ahead)
    expect(contentOfCache(hub.cache)).toEqual({ a: "2 at 3" })
    source.mute(false)
    await clock.settle()
    expect(contentOfCache(hub.cache)).toEqual({ a: "3 at 4" })
  })

  test("a cache without room is stale, serves what it has, and is tried again", async () => {
    await write(memory, put("first", "1"))
    const hub = start({ engine: { bytesMax: 4 * 1_048_576 } })
    await clock.settle()
    for (let turn = 0; turn < 800; turn++) await write(memory, put(`${turn}`, "x".repeat(8_000)))
    await clock.advance(60_000)

    expect(hub.cache.report).toMatchObject({ status: "stale", code: "ERR_MEMORY_FULL" })
    expect(hub.cache.get("first")?.revision).toBe(2)
    expect(hub.statuses.slice(0, 4)).toEqual(["resyncing", "in-sync", "stale ERR_MEMORY_FULL"])
    expect(hub.syncer.state.held.attempts).toBeGreaterThan(2)
  })

  test("U33: a slow cache holds back the watch: what waits is bounded", async () => {
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const told: number[] = []
    const target: SyncTarget = {
      epoch: undefined,
      contiguous: 0,
      metadata: undefined,
      renew: () => {},
      beginResync: () => {},
      applyList: async () => {},
      endResync: async () => {},
      progress: () => {},
      setStatus: () => {},
      contact: () => {},
      applyCommits: async (commits) => {
        await gate
        told.push(...commits.map(({ revision }) => revision))
      },
    }
    let read = 0
    const counting = new UnreliableSource(memory)
    const watch = counting.watch.bind(counting)
    counting.watch = async function* (from, signal) {
      for await (const event of watch(from, signal)) {
        if (event.type === "commits") read += event.commits.length
        yield event
      }
    }
    const abort = new AbortController()
    const random = () => 0.5
    const limits = { queueEventsMax: 3 }
    const options = { source: counting, cache: target, clock, random, epochSalt: "", limits }
    const running = new Syncer(options).run(abort.signal)
    await clock.settle()
    for (let turn = 0; turn < 20; turn++) {
      await write(memory, put("a", `${turn}`))
      await clock.settle()
    }
    const readBefore = read
    release()
    await clock.settle()
    abort.abort()
    await running

    // One at the cache, three in the queue, one that found it full: the rest stays at the source.
    expect(readBefore).toBe(5)
    expect(told).toEqual(Array.from({ length: 20 }, (_, index) => index + 2))
  })

  test("run() rejects when the cache breaks, and has closed everything", async () => {
    const hub = new Hub(source, clock)
    await clock.settle()
    hub.cache.applyCommits = () => Promise.reject(new Error("a bug"))
    await write(memory, put("a", "1"))
    await clock.settle()

    await expect(hub.stop()).rejects.toThrow("a bug")
    await hub.cache.close()
  })
})
