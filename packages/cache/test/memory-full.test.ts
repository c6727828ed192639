import { type Entry, MemoryFullError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const entry = (key: string, revision: number): Entry => ({
  key,
  value: new Uint8Array([1]),
  revision,
})

describe("SnapshotCache: memory that is full (debug wasm)", () => {
  let cache: SnapshotCache
  let heard: string[]

  beforeEach(async () => {
    const engine = { build: debugBuild, bytesMax: 4 * 2 ** 20 }
    heard = []
    const observer = { onMemoryFull: () => heard.push("full") }
    cache = new SnapshotCache({ clock: new ManualClock(), engine, observer })
    cache.renew("e1")
    cache.beginResync()
    await cache.applyList({ revision: 5, entries: [entry("a", 3)], invalid: [] })
    await cache.endResync(5)
    cache.setStatus("in-sync")
  })
  afterEach(() => cache.close())

  /**
   * No version has room any more. The engine keeps a reserve that makes this all but impossible to
   * meet, so it is brought about here, where it would be met. Returns what ends it.
   */
  function fill(): () => void {
    const { trie } = cache.current!.epochState
    const commit = () => {
      trie.abort()
      throw new MemoryFullError(4_000_000, 4_194_304)
    }
    Object.assign(trie, { commit })
    return () => {
      Reflect.deleteProperty(trie, "commit")
    }
  }
  const seen = () => ({
    position: cache.position?.revision,
    size: cache.current?.snapshot.size,
    digest: cache.current?.snapshot.digest,
    sequence: cache.current?.sequence,
  })

  test("progress() throws and changes nothing; called again, it is noted", async () => {
    // A list that was given up: nothing is served until the watch has passed it.
    cache.beginResync()
    await cache.applyList({ revision: 9, entries: [entry("b", 9)], invalid: [] })
    cache.abortResync()
    const empty = fill()
    const before = seen()
    expect(() => cache.progress(9)).toThrow(MemoryFullError)

    expect(cache.report).toMatchObject({ status: "stale", code: "ERR_MEMORY_FULL" })
    expect(seen()).toEqual({ ...before, sequence: before.sequence! + 1 })
    expect([cache.contiguous, heard]).toEqual([5, ["full"]])
    empty()
    cache.progress(9)
    expect(seen()).toMatchObject({ position: 9, size: 2 })
  })

  test("abortResync() throws and says so, and may be called again", async () => {
    cache.beginResync()
    await cache.applyList({ revision: 5, entries: [entry("b", 4)], invalid: [] })
    const empty = fill()
    const before = seen()
    expect(() => cache.abortResync()).toThrow(MemoryFullError)

    expect(cache.report).toMatchObject({ status: "stale", code: "ERR_MEMORY_FULL" })
    expect(seen()).toEqual({ ...before, sequence: before.sequence! + 1 })
    empty()
    cache.abortResync()
    cache.progress(6)
    expect(seen()).toMatchObject({ position: 6, size: 2 })
  })

  test("applyCommits() and endResync() say it too; a resync with room makes it good", async () => {
    const empty = fill()
    const changes = [{ op: "put", key: "b", value: new Uint8Array([1]) }] as const
    await expect(cache.applyCommits([{ revision: 6, changes }])).rejects.toThrow(MemoryFullError)
    cache.beginResync()
    await expect(cache.endResync(7)).rejects.toThrow(MemoryFullError)
    expect([cache.contiguous, heard]).toEqual([5, ["full", "full"]])

    empty()
    cache.beginResync()
    await cache.applyList({ revision: 8, entries: [entry("c", 8)], invalid: [] })
    await cache.endResync(8)
    expect(seen()).toMatchObject({ position: 8, size: 1 })
  })
})
