import { systemClock } from "@headwater/core"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { EpochMarker } from "../src/sources/etcd/epoch-marker.ts"
import { Gateway } from "../src/sources/etcd/gateway.ts"
import { type EtcdOptions, type EtcdSource, etcdSource } from "../src/sources/etcd/index.ts"
import { contentOf, contentOfCache, Hub, never, put, write } from "./harness.ts"

const limits = { backoffMaxMs: 500, watchSilenceMs: 1_500, askMs: 1_500 }
const PREFIX = "/marked/"
const PATIENCE_MS = 120_000

async function until(hub: Hub, holds: (hub: Hub) => boolean): Promise<void> {
  const late = AbortSignal.timeout(PATIENCE_MS)
  while (!holds(hub)) await hub.cache.changes.wait(late)
}

const at = (revision: number) => (hub: Hub) => (hub.cache.position?.revision ?? 0) >= revision
const inSync = (hub: Hub) => hub.cache.report.status === "in-sync"

describe.skipIf(!etcdAvailable())("EpochMarker, with a real etcd, when there is one", () => {
  let etcd: Etcd
  const sources: EtcdSource[] = []
  const hubs: Hub[] = []

  beforeEach(async () => {
    etcd = await startEtcd()
  })
  afterEach(async () => {
    for (const hub of hubs.splice(0)) await hub.stop()
    const closing = sources.splice(0)
    const open = closing.map((source) => source.open)
    for (const source of closing) await source.close()
    await etcd.dispose()
    expect(open).toEqual(closing.map(() => 0))
  })

  const open = (options: Partial<EtcdOptions> = {}) => {
    const endpoints = [etcd.url]
    const all = { endpoints, prefix: PREFIX, write: true, clock: systemClock, ...options }
    const source = etcdSource(all)
    sources.push(source)
    return source
  }
  const follow = (source: EtcdSource) => {
    const hub = new Hub(source, systemClock, { limits })
    hubs.push(hub)
    return hub
  }
  const keyOf = () => {
    const gateway = new Gateway({ endpoints: [etcd.url], clock: systemClock })
    gateway.close()
    return new EpochMarker(gateway, PREFIX).key64
  }
  const standing = async () => {
    const answer = (await etcd.call("/v3/kv/range", { key: keyOf() })) as {
      kvs?: readonly { value: string }[]
    }
    return answer.kvs?.[0]?.value
  }

  test("the first hub of a topic with a marker makes it, once", async () => {
    const unmarked = await open({ write: false }).identity(never)
    const before = await standing()
    const sources = [open(), open(), open({ write: false, marker: true })]
    const identities = await Promise.all(sources.map((source) => source.identity(never)))

    expect([before, new Set(identities).size]).toEqual([undefined, 1])
    expect(identities[0]).not.toBe(unmarked)
    expect(await contentOf(open({ prefix: "/headwater/" }))).toEqual({})
  })

  test("ES-B27: a wiped etcd has a new one, and all hubs come to agree on it", async () => {
    const source = open()
    const one = follow(source)
    const other = follow(open())
    const last = await write(source, put("a", "old"))
    await write(source, put("b", "old"))
    await until(one, at(last))
    await until(other, at(last))
    const before = one.cache.epoch
    const agreed = other.cache.epoch
    await etcd.wipe()
    await etcd.start()
    await until(one, ({ cache }) => cache.epoch !== before)
    await until(other, ({ cache }) => cache.epoch !== before)
    const after = await write(source, put("a", "new"))
    await until(one, at(after))
    await until(other, at(after))

    expect(agreed).toBe(before)
    expect(other.cache.epoch).toBe(one.cache.epoch)
    expect(contentOfCache(one.cache)).toEqual({ a: `new at ${after}` })
    expect(contentOfCache(other.cache)).toEqual({ a: `new at ${after}` })
  })

  test("is put back with the same id when it is deleted, and the epoch stays", async () => {
    const source = open()
    const hub = follow(source)
    await until(hub, at(await write(source, put("a", "1"))))
    const { epoch } = hub.cache
    const before = await standing()
    await etcd.call("/v3/kv/deleterange", { key: keyOf() })
    const late = AbortSignal.timeout(PATIENCE_MS)
    while ((await standing()) === undefined) late.throwIfAborted()
    await until(hub, at(await write(source, put("a", "2"))))
    await until(hub, inSync)

    expect(await standing()).toBe(before)
    expect(hub.cache.epoch).toBe(epoch)
  })

  test("another id under a watch is another epoch", async () => {
    const source = open()
    const hub = follow(source)
    await until(hub, at(await write(source, put("a", "1"))))
    const before = hub.cache.position!
    await etcd.call("/v3/kv/put", { key: keyOf(), value: btoa("another") })
    await until(hub, ({ cache }) => cache.epoch !== before.epoch)
    await until(hub, inSync)

    expect(hub.cache.locate(before)).toEqual({ type: "reset", reason: "epoch-changed" })
    expect(contentOfCache(hub.cache)).toEqual(await contentOf(source))
  })

  test("a source that was further than etcd is replaces it by compare-and-set", async () => {
    const gateway = new Gateway({ endpoints: [etcd.url], clock: systemClock })
    const [ahead, behind] = [new EpochMarker(gateway, PREFIX), new EpochMarker(gateway, PREFIX)]
    const before = await behind.read(never)
    await ahead.read(never)
    ahead.note("another sourceEpoch", 2_000)
    const same = await ahead.read(never)
    ahead.note(before.id, 1_000)
    const replaced = await ahead.read(never)
    const agreed = await behind.read(never)
    const again = await ahead.read(never)
    gateway.close()

    expect(same.id).toBe(before.id)
    expect(replaced.id).not.toBe(before.id)
    expect([agreed.id, again.id]).toEqual([replaced.id, replaced.id])
  })
})
