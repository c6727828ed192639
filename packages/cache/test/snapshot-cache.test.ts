import {
  ClosedError,
  type Commit,
  type Delta,
  type Entry,
  InvariantError,
  MemoryFullError,
  SourceError,
} from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import type { SnapshotCacheOptions } from "../src/cache-options.ts"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const text = (value: Uint8Array) => new TextDecoder().decode(value)
const entry = (key: string, value: string, revision: number): Entry => ({
  key,
  value: bytes(value),
  revision,
})

type Shorthand = Record<string, string | undefined>
const commit = (revision: number, changes: Shorthand): Commit => ({
  revision,
  changes: Object.entries(changes).map(([key, value]) =>
    value === undefined ? { op: "delete", key } : { op: "put", key, value: bytes(value) },
  ),
})
const show = (delta: Delta) =>
  delta.op === "put"
    ? `${delta.key}=${text(delta.value)}@${delta.revision}`
    : `${delta.op} ${delta.key}@${delta.revision}`
const sorted = (deltas: Iterable<Delta>) => [...deltas].map(show).sort()

describe("SnapshotCache (debug wasm)", () => {
  let clock: ManualClock
  let cache: SnapshotCache

  const create = (options: Partial<SnapshotCacheOptions> = {}) => {
    clock = new ManualClock()
    return new SnapshotCache({ clock, engine: { build: debugBuild }, ...options })
  }
  beforeEach(() => {
    cache = create()
  })

  // A cache without readers holds its newest version alone, and the trie the same one.
  afterEach(async () => {
    const { current } = cache
    if (current !== undefined) {
      const { trie, engine } = current.epochState
      while (!trie.reclaim(1_000));
      current.snapshot.verify()
      cache.assertInvariants()
      expect(engine.stats().snapshots).toBe(1)
      expect(engine.stats().items).toBe(0)
    }
    expect(cache.changes.size).toBe(0)
    await cache.close()
    expect(clock.timers).toBe(0)
  })

  const list = async (revision: number, entries: Entry[]) => {
    cache.beginResync()
    await cache.applyList({ revision, entries, invalid: [] })
    await cache.endResync(revision)
  }
  const entries = () =>
    Object.fromEntries(
      [...(cache.current?.snapshot.entries() ?? [])]
        .map(({ key, value }) => [key, text(value)] as const)
        .sort(),
    )

  test("an abandoned first list leaves nothing to serve", async () => {
    cache.renew("e1")
    cache.beginResync()
    cache.abortResync()
    expect([cache.current, cache.position]).toEqual([undefined, undefined])

    cache.beginResync()
    await cache.endResync(3)
    cache.renew("e2")
    cache.beginResync()
    cache.abortResync()
    expect([cache.epoch, cache.position?.revision]).toEqual(["e1", 3])
    cache.beginResync()
    await cache.applyList({ revision: 7, entries: [], invalid: [{ key: "", reason: "empty" }] })
    cache.abortResync()
    expect(cache.epoch).toBe("e1")
  })

  test("an empty source at revision 0 is served once its list has ended", async () => {
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(0)

    expect(cache.position).toEqual({ epoch: "e1", revision: 0 })
    expect(cache.current?.snapshot.size).toBe(0)
  })

  test("values that are not bytes, and revisions that are none, are refused whole", async () => {
    const value = "text" as unknown as Uint8Array
    const list = (revision: number, entries: Entry[]) =>
      cache.applyList({ revision, entries, invalid: [] })
    const failed = (name: string) => expect.objectContaining({ name })
    cache.renew("e1")
    cache.beginResync()
    const good = entry("good", "v", 1)
    await expect(list(1, [good, { key: "bad", value, revision: 1 }])).rejects.toThrow(
      failed("ValueError"),
    )
    await expect(list(Number.NaN, [])).rejects.toThrow(failed("SourceError"))
    await cache.endResync(1)
    const changes = [{ op: "put", key: "bad", value }] as const
    await expect(cache.applyCommits([{ revision: 2, changes }])).rejects.toThrow(
      failed("ValueError"),
    )
    await expect(cache.applyCommits([commit(-1, {})])).rejects.toThrow(failed("SourceError"))
    expect(() => cache.progress(1.5)).toThrow(failed("SourceError"))

    expect(cache.current?.snapshot.size).toBe(0)
    expect(cache.position?.revision).toBe(1)
  })

  test("it serves nothing until its first list is whole (SC-B14)", async () => {
    cache.renew("e1")
    cache.beginResync()
    await cache.applyList({ revision: 5, entries: [entry("a", "1", 3)], invalid: [] })

    expect([cache.current, cache.epoch, cache.position, cache.get("a")]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    expect(cache.report.status).toBe("waiting")
    expect(cache.locate({ epoch: "e1", revision: 5 })).toEqual({ type: "ahead" })
    expect(cache.locate({ epoch: "e1", revision: 0 })).toEqual({ type: "fresh" })

    await cache.endResync(5)
    expect(cache.position).toEqual({ epoch: "e1", revision: 5 })
    expect(cache.oldestPosition).toEqual({ epoch: "e1", revision: 5 })
    expect(cache.get("a")).toEqual(entry("a", "1", 3))
    expect(cache.current).toMatchObject({ sequence: 1, timestamp: clock.now(), status: "waiting" })
  })

  test("an empty list is a state, too", async () => {
    cache.renew("e1")
    await list(5, [])

    expect(cache.current?.snapshot.size).toBe(0)
    expect(cache.position).toEqual({ epoch: "e1", revision: 5 })
  })

  test("state(n) and the changes since n are state(n + 1) (SC-B9)", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3), entry("b", "1", 4)])
    const before = cache.current?.snapshot.version as number
    await cache.applyCommits([commit(6, { a: "2", c: "1" }), commit(7, { b: undefined })])

    expect(cache.current?.sequence).toBe(2)
    expect(entries()).toEqual({ a: "2", c: "1" })
    expect(sorted(cache.current?.snapshot.changesSince(before) ?? [])).toEqual([
      "a=2@6",
      "c=1@6",
      "delete b@7",
    ])
    expect(cache.position).toEqual({ epoch: "e1", revision: 7 })
  })

  test("nothing changed is no breadcrumb, but the position moves (SC-B8)", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    const { current } = cache
    await cache.applyCommits([commit(6, {})])
    cache.progress(9)
    cache.progress(8)
    await list(9, [entry("a", "1", 3)])

    expect(cache.current).toBe(current)
    expect(cache.position).toEqual({ epoch: "e1", revision: 9 })
    expect(cache.current?.snapshot.reach).toBe(5)
  })

  test("readers are woken by breadcrumbs, progress and status, and not twice", async () => {
    const isWoken = async (act: () => unknown) => {
      const abort = new AbortController()
      const woken = cache.changes.wait(abort.signal).then(
        () => true,
        () => false,
      )
      await act()
      abort.abort()
      return woken
    }
    cache.renew("e1")

    expect({
      list: await isWoken(() => list(5, [entry("a", "1", 3)])),
      commit: await isWoken(() => cache.applyCommits([commit(6, { a: "2" })])),
      emptyCommit: await isWoken(() => cache.applyCommits([commit(7, {})])),
      progress: await isWoken(() => cache.progress(8)),
      sameProgress: await isWoken(() => cache.progress(8)),
      status: await isWoken(() => cache.setStatus("in-sync")),
      sameStatus: await isWoken(() => cache.setStatus("in-sync")),
      contact: await isWoken(() => cache.contact()),
    }).toEqual({
      list: true,
      commit: true,
      emptyCommit: true,
      progress: true,
      sameProgress: false,
      status: true,
      sameStatus: false,
      contact: false,
    })
  })

  test("a status is a breadcrumb over the same snapshot, and keeps when it began", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    const version = cache.current?.snapshot.version
    await clock.advance(10)
    cache.setStatus("in-sync")
    const since = clock.now()
    await clock.advance(10)
    cache.contact()
    cache.setStatus("in-sync")

    expect(cache.current).toMatchObject({ sequence: 2, status: "in-sync" })
    expect(cache.current?.snapshot.version).toBe(version)
    expect(cache.report).toEqual({
      status: "in-sync",
      statusSince: since,
      lastContact: since + 10,
      invalid: 0,
    })
    cache.setStatus("stale", "ERR_SOURCE_FAILED")
    expect(cache.report.code).toBe("ERR_SOURCE_FAILED")
    cache.setStatus("in-sync")
    expect(cache.report.code).toBeUndefined()
  })

  test("a put and its delete in one batch leave a tombstone (design §2 rule 5)", async () => {
    cache.renew("e1")
    await list(5, [])
    const before = cache.current?.snapshot.version as number
    await cache.applyCommits([commit(6, { a: "1" }), commit(7, { a: undefined })])

    expect(sorted(cache.current?.snapshot.changesSince(before) ?? [])).toEqual(["delete a@7"])
  })

  test("a commit larger than a chunk is served when it is whole, and not before", async () => {
    cache = create({ limits: { chunkUpdatesMax: 2, sliceMs: 0 } })
    cache.renew("e1")
    await list(5, [])
    const seen = new Set<number>()
    const applying = cache.applyCommits([commit(6, { a: "1", b: "1", c: "1", d: "1", e: "1" })])
    while (cache.position?.revision === 5) {
      seen.add(cache.current?.snapshot.size as number)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await applying

    expect([...seen]).toEqual([0])
    expect(cache.current?.snapshot.size).toBe(5)
    expect(cache.current?.snapshot.version).toBe(4)
    expect(cache.current?.sequence).toBe(2)
  })

  test("commits that were applied before are skipped", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "2", 5)])
    await cache.applyCommits([commit(4, { a: "1" }), commit(5, { a: "2" }), commit(6, { b: "1" })])

    expect(entries()).toEqual({ a: "2", b: "1" })
  })

  test("a resync serves the old state, deletes at its end, and leaves a gap", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3), entry("b", "1", 4)])
    const before = cache.current?.snapshot.version as number
    cache.progress(6)
    cache.beginResync()
    await cache.applyList({
      revision: 9,
      entries: [entry("b", "2", 8), entry("c", "1", 7)],
      invalid: [],
    })
    expect(entries()).toEqual({ a: "1", b: "1" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 6 })

    await cache.endResync(9)
    expect(entries()).toEqual({ b: "2", c: "1" })
    expect(sorted(cache.current?.snapshot.changesSince(before) ?? [])).toEqual([
      "b=2@8",
      "c=1@7",
      "delete a@9",
    ])
    const at = (revision: number) => cache.locate({ epoch: "e1", revision })
    expect([4, 5, 6, 7, 8, 9, 10].map(at)).toEqual([
      { type: "reset", reason: "compacted" },
      { type: "resume", version: before },
      { type: "resume", version: before },
      { type: "reset", reason: "compacted" },
      { type: "reset", reason: "compacted" },
      { type: "resume", version: cache.current?.snapshot.version },
      { type: "ahead" },
    ])
  })

  test("commits of a watch beside a list are kept, as changes after the list", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    cache.beginResync()
    await cache.applyCommits([commit(10, { x: "1" }), commit(11, { y: undefined, z: "1" })])
    await cache.applyList({
      revision: 9,
      entries: [entry("y", "1", 8), entry("z", "0", 9)],
      invalid: [],
    })
    cache.progress(12)
    expect(cache.position?.revision).toBe(5)
    await cache.endResync(9)

    expect(entries()).toEqual({ x: "1", z: "1" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 12 })
    // What the list had instead of newer entries was passed over: its own revision is in the gap.
    const at = (revision: number) => cache.locate({ epoch: "e1", revision }).type
    expect([5, 6, 9, 10, 11, 12].map(at)).toEqual([
      "resume",
      "reset",
      "reset",
      "reset",
      "resume",
      "resume",
    ])
  })

  test("after an abandoned list, nothing is served before the watch passed it", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3), entry("b", "1", 3)])
    cache.beginResync()
    await cache.applyList({ revision: 9, entries: [entry("a", "9", 9)], invalid: [] })
    cache.abortResync()
    expect(cache.contiguous).toBe(5)

    await cache.applyCommits([commit(6, { b: "2" }), commit(7, { a: undefined })])
    expect(entries()).toEqual({ a: "1", b: "1" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 5 })
    expect(cache.contiguous).toBe(7)
    expect(cache.locate({ epoch: "e1", revision: 7 })).toEqual({ type: "ahead" })

    await cache.applyCommits([commit(9, { a: "9" })])
    expect(entries()).toEqual({ a: "9", b: "2" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 9 })
    expect(cache.locate({ epoch: "e1", revision: 6 }).type).toBe("resume")
  })

  test("a list that is begun again starts over", async () => {
    cache.renew("e1")
    cache.beginResync()
    await cache.applyList({ revision: 5, entries: [entry("a", "1", 3)], invalid: [] })
    await list(7, [entry("b", "1", 6)])

    expect(entries()).toEqual({ b: "1" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 7 })
  })

  test("a list older than an abandoned one makes a gap up to what that one left", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    cache.beginResync()
    await cache.applyList({ revision: 9, entries: [entry("a", "1", 9)], invalid: [] })
    await list(7, [entry("a", "2", 7)])
    expect(cache.position).toEqual({ epoch: "e1", revision: 5 })
    await cache.applyCommits([commit(9, { a: "1" }), commit(10, {})])

    const at = (revision: number) => cache.locate({ epoch: "e1", revision }).type
    expect([5, 6, 7, 8, 9, 10].map(at)).toEqual([
      "resume",
      "reset",
      "reset",
      "reset",
      "resume",
      "resume",
    ])
  })

  test("a list older than what is known is refused, and changes nothing", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    cache.beginResync()

    await expect(
      cache.applyList({ revision: 4, entries: [entry("b", "1", 4)], invalid: [] }),
    ).rejects.toThrow(SourceError)
    expect(entries()).toEqual({ a: "1" })
    cache.abortResync()
  })

  test("another epoch is filled beside the old one, and replaces it when it is whole", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    const old = cache.current
    cache.renew("e1")
    expect(cache.current).toBe(old)

    cache.renew("e2")
    cache.beginResync()
    await cache.applyList({ revision: 2, entries: [entry("b", "1", 1)], invalid: [] })
    expect(cache.epoch).toBe("e1")
    expect(entries()).toEqual({ a: "1" })
    await cache.endResync(2)

    expect(cache.position).toEqual({ epoch: "e2", revision: 2 })
    expect(entries()).toEqual({ b: "1" })
    expect(old?.epochState.disposed).toBe(true)
    expect(cache.current?.sequence).toBe(2)
    expect(cache.locate({ epoch: "e1", revision: 5 })).toEqual({
      type: "reset",
      reason: "epoch-changed",
    })
  })

  test("a source that comes back to its old epoch goes on where it was", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    cache.renew("e2")
    cache.beginResync()
    await cache.applyList({ revision: 2, entries: [entry("b", "1", 1)], invalid: [] })
    cache.renew("e1")
    await cache.applyCommits([commit(6, { a: "2" })])

    expect(entries()).toEqual({ a: "2" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 6 })
  })

  test("an old epoch is kept while it is held, but not longer than the cache", async () => {
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    const lease = cache.current?.epochState.retain()
    const snapshot = cache.current?.snapshot.retain()
    cache.renew("e2")
    await list(2, [])
    expect(snapshot?.get("a")).toEqual(bytes("1"))

    snapshot?.dispose()
    lease?.release()
    expect(lease?.disposed).toBe(true)

    const second = cache.current?.epochState.retain()
    await cache.close()
    expect(second?.disposed).toBe(true)
  })

  test("past epochs that readers hold are bounded", async () => {
    cache = create({ limits: { epochsMax: 1 } })
    const epochs = []
    for (const epoch of ["e1", "e2", "e3"]) {
      cache.renew(epoch)
      await list(1, [])
      epochs.push(cache.current?.epochState.retain())
    }

    expect(epochs.map((epochState) => epochState?.disposed)).toEqual([true, false, false])
    for (const epochState of epochs) epochState?.release()
    expect(epochs.map((epochState) => epochState?.disposed)).toEqual([true, true, false])
  })

  test("invalid entries are absent, counted and named, and come back when valid", async () => {
    cache = create({
      validate: (_key, value) => (text(value).startsWith("!") ? "exclamation" : undefined),
    })
    cache.renew("e1")
    cache.beginResync()
    await cache.applyList({
      revision: 5,
      entries: [entry("a", "1", 3), entry("b", "!", 4)],
      invalid: [{ key: "c", reason: "not JSON" }],
    })
    await cache.endResync(5)
    expect(entries()).toEqual({ a: "1" })
    expect(cache.report.invalid).toBe(2)

    const before = cache.current?.snapshot.version as number
    await cache.applyCommits([commit(6, { a: "!", b: "!!" }), commit(7, { c: "1" })])
    expect(sorted(cache.current?.snapshot.changesSince(before) ?? [])).toEqual([
      "c=1@7",
      "delete a@6",
    ])
    expect(cache.invalidSample).toEqual([
      { key: "b", reason: "exclamation" },
      { key: "a", reason: "exclamation" },
    ])

    await list(9, [entry("a", "2", 8), entry("b", "3", 8), entry("c", "!", 8)])
    expect(entries()).toEqual({ a: "2", b: "3" })
    expect(cache.invalidSample).toEqual([{ key: "c", reason: "exclamation" }])
  })

  test("full memory drops the chunk, says so, and a resync recovers", async () => {
    cache = create({ engine: { build: debugBuild, bytesMax: 4 * 2 ** 20 } })
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    const large = "x".repeat(1_000_000)
    const changes = Object.fromEntries(["b", "c", "d", "e", "f"].map((key) => [key, large]))

    await expect(cache.applyCommits([commit(6, { a: "2" }), commit(7, changes)])).rejects.toThrow(
      MemoryFullError,
    )
    expect(cache.report).toMatchObject({ status: "stale", code: "ERR_MEMORY_FULL" })
    expect(entries()).toEqual({ a: "1" })
    expect(cache.position).toEqual({ epoch: "e1", revision: 5 })

    await list(8, [entry("a", "3", 8)])
    expect(entries()).toEqual({ a: "3" })
  })

  test("full memory inside a large commit: the half is never served", async () => {
    cache = create({
      engine: { build: debugBuild, bytesMax: 4 * 2 ** 20 },
      limits: { chunkUpdatesMax: 2 },
    })
    cache.renew("e1")
    await list(5, [entry("a", "1", 3)])
    const large = "x".repeat(900_000)
    const changes = Object.fromEntries(["b", "c", "d", "e", "f"].map((key) => [key, large]))
    await expect(cache.applyCommits([commit(6, changes)])).rejects.toThrow(MemoryFullError)
    expect(entries()).toEqual({ a: "1" })

    await cache.applyCommits([commit(6, { b: "1" })])
    expect(cache.position).toEqual({ epoch: "e1", revision: 6 })
    expect(cache.get("a")).toEqual(entry("a", "1", 3))
  })

  test("history is kept for its time, and then swept; readers at the present stay", async () => {
    cache = create({ limits: { historyMs: 1_000 } })
    cache.renew("e1")
    await list(5, [entry("a", "1", 3), entry("b", "1", 3)])
    await clock.advance(4)
    await cache.applyCommits([commit(6, { a: undefined })])
    expect(cache.current?.epochState.engine.stats().tombstones).toBe(1)
    await clock.advance(500)
    await cache.applyCommits([commit(7, { b: "2" })])
    await clock.advance(500)
    await cache.applyCommits([commit(8, { b: "3" })])

    const { current } = cache
    expect(current?.epochState.engine.stats().tombstones).toBe(0)
    expect(current?.sequence).toBe(4)
    expect(cache.locate({ epoch: "e1", revision: 5 })).toEqual({
      type: "reset",
      reason: "compacted",
    })
    expect(cache.locate({ epoch: "e1", revision: 7 }).type).toBe("resume")
    expect(cache.locate({ epoch: "e1", revision: 8 }).type).toBe("resume")
    expect(cache.oldestPosition).toEqual({ epoch: "e1", revision: 6 })
    expect(current?.snapshot.version).toBe(current?.epochState.trie.version)
    expect(entries()).toEqual({ b: "3" })
  })

  test("tombstones are bounded in bytes: history is shortened instead", async () => {
    cache = create({ limits: { tombstoneBytesMax: 4_096 } })
    cache.renew("e1")
    await list(1, [])
    for (let revision = 2; revision < 400; revision++) {
      await cache.applyCommits([commit(revision, { [`key/${revision}`]: undefined })])
      expect(cache.current?.epochState.engine.stats().tombstoneBytes).toBeLessThanOrEqual(4_096)
      expect(cache.locate({ epoch: "e1", revision }).type).toBe("resume")
    }

    expect(cache.locate({ epoch: "e1", revision: 2 }).type).toBe("reset")
    expect(cache.oldestPosition?.revision).toBeGreaterThan(290)
  })

  test("emptied, swept and reclaimed, an epoch weighs what it did at first", async () => {
    cache = create({ limits: { historyMs: 0 } })
    cache.renew("e1")
    await list(1, [])
    const epochState = cache.current?.epochState
    const before = epochState?.engine.liveBytes() as number
    for (let revision = 2; revision < 200; revision++) {
      await cache.applyCommits([commit(revision, { [`k${revision % 50}`]: `${revision}` })])
    }
    await list(200, [])
    await cache.applyCommits([commit(201, { x: "1" })])
    await cache.applyCommits([commit(202, { x: undefined })])
    await cache.applyCommits([commit(203, { y: undefined })])
    while (!epochState?.trie.reclaim(1_000));

    const left = (epochState?.engine.liveBytes() as number) - before
    expect(cache.current?.snapshot.size).toBe(0)
    expect(left).toBeLessThanOrEqual(1_024 + 256) // One chunk of the queue of tombstones.
  })

  test("a long list gives way to others whenever a slice is over", async () => {
    class CountingClock extends ManualClock {
      turns = 0
      override yield() {
        this.turns++
        return super.yield()
      }
    }
    const counting = new CountingClock()
    cache = create({ clock: counting, limits: { sliceMs: 0 } })
    cache.renew("e1")
    const entries = Array.from({ length: 2_000 }, (_, index) => entry(`k${index}`, "1", 1))
    await list(1, entries)

    // Every hundred entries, and every hundred looked at in the sweep.
    expect(counting.turns).toBeGreaterThan(20)
    expect(cache.current?.snapshot.size).toBe(2_000)
  })

  test("the writer does one thing at a time, and only what it may", async () => {
    expect(() => cache.beginResync()).toThrow(InvariantError)
    cache = create({ limits: { sliceMs: 0 } })
    cache.renew("e1")
    await expect(cache.endResync(5)).rejects.toThrow(InvariantError)
    const listing = list(5, [entry("a", "1", 1)])
    expect(() => cache.progress(1)).toThrow(InvariantError)
    await listing
  })

  test("close() ends the running call, wakes the waiters, and refuses later calls", async () => {
    cache = create({ limits: { sliceMs: 0 } })
    cache.renew("e1")
    await list(5, [])
    const woken = cache.changes.wait()
    const applying = cache.applyCommits([commit(6, { a: "1" }), commit(7, { b: "1" })])
    await cache.close()

    await expect(applying).rejects.toEqual(new ClosedError("shutdown"))
    await woken
    expect(cache.current).toBeUndefined()
    expect(() => cache.progress(9)).toThrow(new ClosedError("shutdown"))
    await cache.close()
  })
})
