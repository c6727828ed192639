import { type Source, systemClock } from "@headwater/core"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type EtcdOptions, type EtcdSource, etcdSource } from "../src/sources/etcd/index.ts"
import { contentOf, contentOfCache, del, Hub, never, put, write } from "./harness.ts"

const limits = { backoffMaxMs: 500, watchSilenceMs: 1_500, askMs: 5_000 }
const PATIENCE_MS = 120_000
/** So many slices are more than those of a first page. */
const IN_SECOND_PAGE = 20

describe.skipIf(!etcdAvailable())("EtcdSource.oldest(), with a real etcd", () => {
  let etcd: Etcd
  let prefixes = 0
  const sources: EtcdSource[] = []

  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.dispose())
  afterEach(async () => {
    const closing = sources.splice(0)
    const open = closing.map((source) => source.open)
    for (const source of closing) await source.close()
    expect(open).toEqual(closing.map(() => 0))
  })

  const freshPrefix = () => `/history ${prefixes++}/`
  const open = (prefix: string, options: Partial<EtcdOptions> = {}) => {
    const endpoints = [etcd.url]
    const source = etcdSource({ endpoints, prefix, write: true, clock: systemClock, ...options })
    sources.push(source)
    return source
  }
  const until = async (holds: () => boolean) => {
    const late = AbortSignal.timeout(PATIENCE_MS)
    while (!holds()) {
      late.throwIfAborted()
      await systemClock.yield()
    }
  }
  const settled = async (hub: Hub, revision: number) => {
    const late = AbortSignal.timeout(PATIENCE_MS)
    const { cache } = hub
    while ((cache.position?.revision ?? 0) < revision || cache.report.status !== "in-sync") {
      await cache.changes.wait(late)
    }
  }

  test("is the first revision, the compacted one, or as far back as was said", async () => {
    const prefix = freshPrefix()
    const source = open(prefix)
    const before = await source.oldest(never)
    let last = 0
    for (let turn = 0; turn < 20; turn++) last = await write(source, put("a", `${turn}`))
    const bounded = await open(prefix, { historyRevisionsMax: 7 }).oldest(never)
    const none = await open(prefix, { historyRevisionsMax: 0 }).oldest(never)
    const compacted = await etcd.compact(last - 10)
    const after = await source.oldest(never)
    const stillBounded = await open(prefix, { historyRevisionsMax: 7 }).oldest(never)

    expect(before).toBe(1)
    expect([bounded, none]).toEqual([last - 7, last])
    expect([after, stillBounded]).toEqual([compacted, last - 7])
    expect(await contentOf(source)).toEqual({ a: `19 at ${last}` })
  })

  test("lastChange() is the revision of the newest entry, and 0 where there is none", async () => {
    const source = open(freshPrefix())
    const before = await source.lastChange(never)
    await write(source, put("a", "1"), put("b", "1"))
    const newest = await write(source, put("a", "2"), put("c", "1"))
    await write(source, del("b"))
    await etcd.put("/elsewhere", "1")

    expect([before, await source.lastChange(never)]).toEqual([0, newest])
  })

  test("a hub that starts again serves every position of the one before", async () => {
    const source = open(freshPrefix())
    await write(source, put("a", "1"), put("gone", "1"))
    const one = new Hub(source, systemClock, { limits })
    const told = [await write(source, put("b", "1")), await write(source, del("gone"))]
    await settled(one, told.at(-1)!)
    const { epoch } = one.cache
    await one.stop()
    told.push(await write(source, put("meanwhile", "1")))
    const last = await write(source, del("meanwhile"))
    const other = new Hub(source, systemClock, { limits })
    await settled(other, last)
    const { cache } = other
    const located = told.map((revision) => cache.locate({ epoch: epoch!, revision }).type)

    expect(cache.epoch).toBe(epoch)
    expect(located).toEqual(["resume", "resume", "resume"])
    expect(contentOfCache(cache)).toEqual(await contentOf(source))
    expect(other.statuses).toEqual(["resyncing", "in-sync"])
    await other.stop()
  })

  test("below what etcd has compacted a position is reset, not guessed at", async () => {
    const source = open(freshPrefix())
    await write(source, put("a", "1"))
    const one = new Hub(source, systemClock, { limits })
    const early = await write(source, put("a", "2"))
    await settled(one, early)
    const { epoch } = one.cache
    await one.stop()
    await write(source, put("a", "3"))
    const last = await write(source, put("a", "4"))
    await etcd.compact(last)
    const other = new Hub(source, systemClock, { limits })
    await settled(other, last)
    const located = other.cache.locate({ epoch: epoch!, revision: early })

    expect(located).toEqual({ type: "reset", reason: "compacted" })
    expect(contentOfCache(other.cache)).toEqual(await contentOf(source))
    await other.stop()
  })

  test("ES-B1, ES-B2: what is written right after a list is told first by a watch", async () => {
    const source = open(freshPrefix())
    for (let turn = 0; turn < 10; turn++) {
      let listed = 0
      for await (const page of source.list({}, never)) listed = page.revision
      const written = await write(source, put("a", `${turn}`))
      const told: number[] = []
      for await (const event of source.watch(listed + 1, never)) {
        if (event.type !== "commits") continue
        told.push(...event.commits.map(({ revision }) => revision))
        break
      }

      expect(told).toEqual([written])
    }
  })

  test("ES-B3: a watch is open while a list is read, and one of each is enough", async () => {
    const source = open(freshPrefix(), { historyRevisionsMax: 0 })
    for (let start = 0; start < 1_200; start += 100) {
      const keys = Array.from({ length: 100 }, (_, index) => `${start + index}`)
      await write(source, ...keys.map((key) => put(key, "1")))
    }
    const calls: string[] = []
    let last = 0
    // Between the pages of its list, much happens, and the watch says so.
    const busy: Source = {
      name: source.name,
      identity: (signal) => source.identity(signal),
      revision: (signal) => source.revision(signal),
      watch: (from, signal) => {
        calls.push("watch")
        return source.watch(from, signal)
      },
      list: async function* (request, signal) {
        calls.push("list")
        for await (const page of source.list(request, signal)) {
          yield page
          for (let turn = 0; turn < 50; turn++) last = await write(source, put("0", `${turn}`))
          calls.push("page")
        }
      },
      close: async () => {},
    }
    const hub = new Hub(busy, systemClock, { limits })
    await until(() => last > 0)
    await settled(hub, last)
    const pages = calls.filter((call) => call === "page")

    expect(calls).toEqual(["list", "watch", ...pages])
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
    await hub.stop()
  })

  test("what compaction overtakes is listed again in two pages, read in slices", async () => {
    const limits: number[] = []
    let answered = 0
    const source = open(freshPrefix(), {
      fetch: async (input, init) => {
        const asked = [...String(init?.body).matchAll(/"limit":"(\d+)"/g)]
        for (const [, limit] of asked) limits.push(Number(limit))
        const response = await fetch(input, init)
        answered += asked.length
        return response
      },
    })
    for (let start = 0; start < 6_000; start += 100) {
      const keys = Array.from({ length: 100 }, (_, index) => `${start + index}`)
      await write(source, ...keys.map((key) => put(key, "x".repeat(2_000))))
    }
    let turns = 0
    const listing = async () => {
      const entries: number[] = []
      limits.length = 0
      answered = 0
      for await (const page of source.list({}, never)) {
        if (entries.length === 0) {
          // The second page is on its way. A third is not asked for before this one is used.
          await until(() => answered === 2)
          await write(source, put("busy", "1"))
          await etcd.compact()
        }
        // By now all of the second page is there.
        if (entries.push(page.entries.length) === IN_SECOND_PAGE) turns = 0
      }
      return entries
    }
    const turning = setInterval(() => turns++, 0)

    try {
      await expect(listing()).rejects.toMatchObject({
        code: "ERR_SOURCE_FAILED",
        message: expect.stringContaining("compacted"),
      })
      const slices = await listing()

      expect([limits.length, limits[0]]).toEqual([2, 500])
      expect(slices.reduce((sum, entries) => sum + entries)).toBe(6_001)
      // 2.8 KiB each, as etcd writes them: some 128 KiB a slice, and others have a turn after it.
      expect(Math.max(...slices)).toBeLessThan(60)
      expect(turns).toBeGreaterThan((slices.length - IN_SECOND_PAGE) / 10)
    } finally {
      clearInterval(turning)
    }
  })
})
