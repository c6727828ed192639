import { type Change, systemClock } from "@headwater/core"
import { ManualClock, UnreliableSource } from "@headwater/testing"
import { type Etcd, etcdAvailable, freePort, startEtcd } from "@headwater/testing/etcd"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { type EtcdOptions, type EtcdSource, etcdSource } from "../src/sources/etcd/index.ts"
import { contentOf, contentOfCache, del, Hub, never, put, write } from "./harness.ts"

const available = etcdAvailable()
if (!available && process.env.HEADWATER_REQUIRE_ETCD === "1") throw new Error("no etcd on the PATH")

const limits = { backoffMaxMs: 500, watchSilenceMs: 1_500, askMs: 1_500 }
const PATIENCE_MS = 120_000

/** Waits for what the cache is to show, by its own wakings. */
async function until(hub: Hub, holds: (hub: Hub) => boolean): Promise<void> {
  const late = AbortSignal.timeout(PATIENCE_MS)
  while (!holds(hub)) await hub.cache.changes.wait(late)
}

const at = (revision: number) => (hub: Hub) => (hub.cache.position?.revision ?? 0) >= revision
const inSync = (hub: Hub) => hub.cache.report.status === "in-sync"

describe.skipIf(!available)("Syncer, with a real etcd, when there is one on the PATH", () => {
  let etcd: Etcd
  let prefixes = 0
  const sources: EtcdSource[] = []
  const hubs: Hub[] = []

  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.dispose())
  afterEach(async () => {
    for (const hub of hubs.splice(0)) await hub.stop()
    const closing = sources.splice(0)
    const open = closing.map((source) => source.open)
    for (const source of closing) await source.close()
    expect(open).toEqual(closing.map(() => 0))
  })

  const open = (prefix: string, options: Partial<EtcdOptions> = {}) => {
    const endpoints = [etcd.url]
    const source = etcdSource({ endpoints, prefix, write: true, clock: systemClock, ...options })
    sources.push(source)
    return source
  }
  const follow = (source: EtcdSource | UnreliableSource) => {
    const hub = new Hub(source, systemClock, { limits })
    hubs.push(hub)
    return hub
  }
  const freshPrefix = () => `/services ${prefixes++}/`

  test("2,000 keys are listed, and every change of them is followed", async () => {
    const source = open(freshPrefix())
    let last = 0
    for (let start = 0; start < 2_000; start += 100) {
      const keys = Array.from({ length: 100 }, (_, index) => `node/${start + index}`)
      last = await write(source, ...keys.map((key) => put(key, "x".repeat(200))))
    }
    const hub = follow(source)
    await until(hub, at(last))
    for (let turn = 0; turn < 200; turn++) {
      const change = turn % 3 ? put(`node/${turn * 7}`, `${turn}`) : del(`node/${turn * 5}`)
      last = await write(source, change)
    }
    await until(hub, at(last))

    expect(hub.cache.current?.snapshot.size).toBe(1_933)
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
  })

  test("what one transaction wrote is seen together, at every crumb", async () => {
    const source = open(freshPrefix())
    const hub = follow(source)
    const torn: string[] = []
    const stop = new AbortController()
    const reading = (async () => {
      for (;;) {
        await hub.cache.changes.wait(stop.signal)
        const pair = ["left", "right"].map((key) => hub.cache.get(key))
        const [left, right] = pair.map((entry) => entry && new TextDecoder().decode(entry.value))
        if (left !== right) torn.push(`${left} and ${right}`)
      }
    })().catch(() => {})
    let last = 0
    for (let turn = 0; turn < 200; turn++) {
      last = await write(source, put("left", `${turn}`), put("right", `${turn}`))
    }
    await until(hub, at(last))
    stop.abort()
    await reading

    expect(torn).toEqual([])
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
  })

  test("history that is compacted below the hub while it is cut off is listed again", async () => {
    const source = open(freshPrefix())
    const link = new UnreliableSource(source)
    await write(source, put("old", "1"), put("kept", "1"))
    const hub = follow(link)
    await until(hub, inSync)
    const { revision: before } = hub.cache.position!
    link.refuse(true)
    const between = await write(source, put("came and went", "1"))
    await write(source, del("came and went"), del("old"))
    const last = await write(source, put("new", "1"))
    await etcd.compact()
    link.refuse(false)
    await until(hub, at(last))
    await until(hub, inSync)
    const { cache } = hub
    const located = [before, between, last].map(
      (revision) => cache.locate({ epoch: cache.epoch!, revision }).type,
    )

    expect(contentOfCache(cache)).toEqual(await contentOf(source))
    expect(located).toEqual(["resume", "reset", "resume"])
  })

  test("an etcd that is killed makes stale, and nothing is lost when it is back", async () => {
    const source = open(freshPrefix())
    await write(source, put("a", "1"), put("kept", "1"))
    const hub = follow(source)
    await until(hub, inSync)
    const { epoch } = hub.cache
    // Acknowledged, and perhaps not told any more.
    await write(source, put("a", "2"))
    await etcd.kill()
    await until(hub, ({ cache }) => cache.report.status === "stale")
    const away = hub.cache.get("kept")
    await etcd.start()
    await until(hub, inSync)
    await until(hub, at(await write(source, put("b", "1"))))

    expect(away?.value).toEqual(new TextEncoder().encode("1"))
    expect(hub.cache.epoch).toBe(epoch)
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
    expect(hub.statuses).toEqual(["resyncing", "in-sync", "stale ERR_SOURCE_FAILED", "in-sync"])
  })

  test("an etcd that is frozen makes stale by its silence, until it thaws", async () => {
    const source = open(freshPrefix())
    await write(source, put("a", "1"))
    const hub = follow(source)
    await until(hub, inSync)
    etcd.freeze()
    try {
      await until(hub, ({ cache }) => cache.report.status === "stale")
    } finally {
      etcd.thaw()
    }
    await until(hub, inSync)
    await until(hub, at(await write(source, put("a", "2"))))

    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
  })

  test("an etcd that was wiped under its old name is another epoch", async () => {
    const source = open(freshPrefix())
    await write(source, put("a", "old"))
    const hub = follow(source)
    await until(hub, inSync)
    const before = hub.cache.position!
    await etcd.wipe()
    await etcd.start()
    await until(hub, ({ cache }) => cache.epoch !== before.epoch)
    await until(hub, at(await write(source, put("a", "new"))))

    expect(hub.cache.locate(before)).toEqual({ type: "reset", reason: "epoch-changed" })
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
  })

  test("two hubs of one etcd have one epoch and serve each other's positions", async () => {
    const prefix = freshPrefix()
    const source = open(prefix)
    await write(source, put("a", "1"))
    const one = follow(open(prefix))
    await until(one, inSync)
    await write(source, put("a", "2"))
    const other = follow(open(prefix))
    const last = await write(source, put("b", "1"))
    await until(one, at(last))
    await until(other, at(last))

    expect(other.cache.epoch).toBe(one.cache.epoch)
    expect(other.cache.current?.snapshot.digest).toBe(one.cache.current?.snapshot.digest)
    expect(one.cache.locate(other.cache.position!).type).toBe("resume")
  })

  test("keys that no topic can have are counted, and Headwater's own not there", async () => {
    const put64 = (key: string) => etcd.call("/v3/kv/put", { key: btoa(key), value: btoa("1") })
    for (const key of ["/i/", "/i/\xff\xfe", `/i/${"x".repeat(4_097)}`, "/i/fine", "/ij"]) {
      await put64(key)
    }
    const hub = follow(open("/i/"))
    await until(hub, inSync)
    const listed = hub.cache.report.invalid
    await put64("/i/\xfe")
    await until(hub, at(await etcd.revision()))
    const added = hub.cache.report.invalid
    await etcd.call("/v3/kv/deleterange", { key: btoa("/i/\xff\xfe") })
    await until(hub, at(await etcd.revision()))
    const deleted = hub.cache.report.invalid
    await put64("/i/\xff\xfd")
    await until(hub, at(await etcd.revision()))
    await put64("/headwater/epoch/1")
    await put64("/headwater/other")
    const own = follow(open("/headwater/"))
    await until(own, inSync)

    expect(Object.keys(contentOfCache(hub.cache)!)).toEqual(["fine"])
    expect([listed, added, deleted, hub.cache.report.invalid]).toEqual([3, 4, 3, 4])
    expect(hub.cache.invalidSample.map(({ reason }) => reason).sort()).toEqual([
      "empty after the prefix",
      "longer than 4096 bytes",
      "not UTF-8",
      "not UTF-8",
    ])
    expect(Object.keys(contentOfCache(own.cache)!)).toEqual(["other"])
    expect(own.cache.report.invalid).toBe(0)
    await expect(write(open("/headwater/"), put("epoch/1", "2"))).rejects.toMatchObject({
      code: "ERR_KEY_INVALID",
    })
  })

  test("a member that is down is passed over, by reads, watches and writes", async () => {
    const endpoints = [`http://127.0.0.1:${await freePort()}`, etcd.url]
    const source = open(freshPrefix(), { endpoints })
    await write(source, put("a", "1"))
    const hub = follow(open("", { endpoints }))
    await until(hub, inSync)

    expect((await contentOf(source)).a).toMatch(/^1 at /)
    expect(source.name).toMatch(/^etcd:\/\/127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\/services \d+\/$/)
  })

  test("a source without the option write refuses writes", () => {
    expect(open("/r/", { write: false }).write).toBeUndefined()
  })

  test("a write without an answer may have happened; one never sent did not", async () => {
    const clock = new ManualClock()
    const source = open(freshPrefix(), { clock })
    await write(source, put("a", "1"))
    etcd.freeze()
    const writing = write(source, put("a", "2"))
    writing.catch(() => {})
    await clock.advance(10_000)
    etcd.thaw()
    const closed = open("/w/", { endpoints: [`http://127.0.0.1:${await freePort()}`] })

    await expect(writing).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" })
    await expect(write(closed, put("a", "1"))).rejects.toMatchObject({ code: "ERR_SOURCE_FAILED" })
  })

  test("what etcd refuses is not written", async () => {
    const source = open(freshPrefix())
    const large: Change = { op: "put", key: "large", value: new Uint8Array(1_600_000) }
    const many = Array.from({ length: 129 }, (_, index) => put(`${index}`, "1"))

    await expect(write(source, ...many)).rejects.toMatchObject({ code: "ERR_SOURCE_FAILED" })
    await expect(write(source, large)).rejects.toMatchObject({ code: "ERR_TOO_LARGE" })
    expect(await contentOf(source)).toEqual({})
  })

  test("a syncer that was stopped leaves no watch in etcd", async () => {
    const source = open(freshPrefix())
    const watching = async () => {
      const metrics = await (await fetch(`${etcd.url}/metrics`)).text()
      return Number(/^etcd_debugging_mvcc_watcher_total (\d+)/m.exec(metrics)?.[1])
    }
    const hub = new Hub(source, systemClock, { limits })
    await until(hub, inSync)
    await write(source, put("a", "1"))
    await until(hub, ({ cache }) => cache.get("a") !== undefined)
    const during = await watching()
    await hub.stop()
    const deadline = performance.now() + PATIENCE_MS
    while ((await watching()) > 0 && performance.now() < deadline) await systemClock.yield()

    // Of the entries, and of the marker.
    expect(during).toBe(2)
    expect(await watching()).toBe(0)
  })
})

describe.skipIf(!available)("Syncer, with an etcd that tells no progress", () => {
  test("a reader that is ahead of a quiet prefix is served after a list there", async () => {
    const etcd = await startEtcd({ progressMs: 600_000 })
    const options = { endpoints: [etcd.url], prefix: "/quiet/", write: true, clock: systemClock }
    const source = etcdSource(options)
    const hub = new Hub(source, systemClock, { limits: { aheadMs: 200 } })
    try {
      await write(source, put("a", "1"))
      await until(hub, inSync)
      const ahead = await etcd.put("/elsewhere", "1")
      await etcd.put("/elsewhere", "2")
      const reached = await hub.syncer.revisionAtLeast(ahead, never)
      await until(hub, at(ahead))

      expect(reached).toBe(true)
      expect(hub.cache.position?.revision).toBe(ahead)
      expect(hub.statuses).toEqual(["resyncing", "in-sync"])
    } finally {
      await hub.stop()
      await source.close()
      await etcd.dispose()
    }
  })
})

describe.skipIf(!available)("EtcdSource, with users and passwords", () => {
  test("asks for a token, and again when etcd has forgotten it", async () => {
    const etcd = await startEtcd()
    const base = { endpoints: [etcd.url], prefix: "/a/", write: true, clock: systemClock }
    const source = etcdSource({ ...base, username: "root", password: "secret" })
    const stranger = etcdSource(base)
    const liar = etcdSource({ ...base, username: "root", password: "guess" })
    try {
      await etcd.call("/v3/auth/user/add", { name: "root", password: "secret" })
      await etcd.call("/v3/auth/user/grant", { user: "root", role: "root" })
      await etcd.call("/v3/auth/enable", {})
      await write(source, put("a", "1"))
      // A token lives in the memory of the member that made it.
      await etcd.restart()
      const after = await write(source, put("a", "2"))

      expect(await contentOf(source)).toEqual({ a: `2 at ${after}` })
      for (const other of [stranger, liar]) {
        await expect(contentOf(other)).rejects.toMatchObject({ code: "ERR_UNAUTHENTICATED" })
      }
      const told = []
      for await (const event of source.watch(after, never)) {
        told.push(event.type)
        if (event.type === "commits") break
      }
      expect(told).toEqual(["progress", "commits"])
    } finally {
      for (const one of [source, stranger, liar]) await one.close()
      await etcd.dispose()
    }
  })
})
