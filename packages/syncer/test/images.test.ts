import { SnapshotCache, type SnapshotCacheOptions } from "@headwater/cache"
import type { Source } from "@headwater/core"
import { ManualClock, UnreliableSource } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type MemorySource, memorySource } from "../src/sources/memory/index.ts"
import { contentOf, contentOfCache, Hub, put, write } from "./harness.ts"

describe("Syncer: a cache that an image was loaded into", () => {
  let clock: ManualClock
  let memory: MemorySource
  let source: UnreliableSource
  let hub: Hub
  let lists: number

  beforeEach(async () => {
    clock = new ManualClock()
    memory = memorySource({ history: 10 })
    source = new UnreliableSource(memory)
    await write(memory, put("a", "1"))
    await write(memory, put("b", "1"))
    hub = new Hub(source, clock)
    await clock.settle()
    lists = 0
    const list = source.list.bind(source)
    source.list = (request, signal) => {
      lists += 1
      return list(request, signal)
    }
  })
  afterEach(async () => {
    await hub.stop()
    expect({ open: memory.open, timers: clock.timers }).toEqual({ open: 0, timers: 0 })
  })

  const save = () => [...(hub.cache.save() ?? [])].map((piece) => piece.slice())
  const restart = async (image: readonly Uint8Array[], from: Source = source) => {
    await hub.stop()
    const load = (options: SnapshotCacheOptions) => SnapshotCache.load(image, options)
    hub = new Hub(from, clock, { load })
  }

  test("goes on by the watch alone, and serves the image until then", async () => {
    const image = save()
    const before = hub.cache.position!
    await write(memory, put("c", "1"))
    await restart(image)
    const served = contentOfCache(hub.cache)
    await clock.settle()

    expect(served).toEqual({ a: "1 at 2", b: "1 at 3" })
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(memory))
    expect(hub.cache.locate(before)).toEqual({ type: "resume", version: expect.any(Number) })
    expect([lists, hub.statuses]).toEqual([0, ["resyncing", "in-sync"]])
  })

  test("lists where the source has forgotten what came next, and tells that as a gap", async () => {
    const image = save()
    for (let turn = 0; turn < 20; turn++) await write(memory, put("c", `${turn}`))
    await restart(image)
    await clock.advance(2_000)
    const { epoch } = hub.cache

    expect(contentOfCache(hub.cache)).toEqual(await contentOf(memory))
    const types = [3, 10, 23].map((revision) => hub.cache.locate({ epoch: epoch!, revision }).type)
    expect(types).toEqual(["resume", "reset", "resume"])
    expect(lists).toBe(1)
  })

  test("ES-B27: of another source it is served until that one is whole", async () => {
    const image = save()
    const { position } = hub.cache
    const other = memorySource()
    await write(other, put("z", "1"))
    await restart(image, other)
    await clock.advance(1_000)

    expect(contentOfCache(hub.cache)).toEqual({ z: "1 at 2" })
    expect(hub.cache.locate(position!)).toEqual({ type: "reset", reason: "epoch-changed" })
  })

  test("U53: of a source that was set back below it, another epoch begins", async () => {
    const image = save()
    const { position } = hub.cache
    const older = memorySource()
    await source.replaceBy(older, true)
    await restart(image)
    await clock.advance(1_000)

    expect(contentOfCache(hub.cache)).toEqual({})
    expect(hub.cache.locate(position!)).toEqual({ type: "reset", reason: "epoch-changed" })
  })

  test("a epoch that only this hub had seen keeps its name over a restart", async () => {
    const older = memorySource()
    await source.replaceBy(older, true)
    await clock.advance(1_000)
    const { epoch } = hub.cache
    const image = save()
    for (let turn = 0; turn < 5; turn++) await write(older, put("a", `${turn}`))
    await restart(image)
    await clock.advance(1_000)

    expect(hub.cache.position).toEqual({ epoch, revision: 6 })
  })
})
