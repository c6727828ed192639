import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { Mirror } from "./etcd-mirror.ts"
import { fill, Writers } from "./etcd-writers.ts"
import { pause } from "./hub-process.ts"
import { TcpProxy } from "./tcp-proxy.ts"

// One etcd under write load and compaction, and everything that can happen to it or to the way to
// it but the loss of its history. After each, the hub holds what etcd holds, in the same epoch.

const FULL = process.env.HEADWATER_FULL === "1"
const PREFIX = "/faults/"
const KEYS = FULL ? 100_000 : 5_000
const CHANGES_PER_SECOND = FULL ? 2_000 : 500
const COMPACT_MS = 1_000
const FREEZE_MS = FULL ? 30_000 : 500
const STALL_MS = FULL ? 20_000 : 300
const HISTORY = FULL ? {} : { historyRevisionsMax: 100 }
const SLOW_MS = FULL ? 10_000 : 300

describe.skipIf(!etcdAvailable())(`a hub of an etcd with ${KEYS} keys, written to`, () => {
  let etcd: Etcd
  let proxy: TcpProxy
  let mirror: Mirror
  let writers: Writers
  let compacting: Promise<void>
  let ended = false
  const figures: string[] = []

  beforeAll(async () => {
    etcd = await startEtcd({ progressMs: 1_000 })
    await fill(etcd, PREFIX, KEYS)
    proxy = await TcpProxy.start(() => Number(new URL(etcd.url).port))
    writers = new Writers(() => etcd, PREFIX, KEYS, CHANGES_PER_SECOND)
    compacting = compactEvery(COMPACT_MS)
  }, 120_000)
  afterAll(async () => {
    ended = true
    await compacting
    await writers.stop()
    await mirror?.stop()
    await proxy?.close()
    await etcd?.dispose()
    console.log(`etcd, ${KEYS} keys, recovery:\n${figures.join("\n")}`)
  })

  const compactEvery = async (ms: number) => {
    while (!ended) {
      await etcd.compact().catch(() => {})
      await pause(ms)
    }
  }
  // The small run does not wait for the back-off that many faults in a row lead to.
  const limits = FULL ? {} : { backoffMaxMs: 500 }
  const start = () => {
    const options = { endpoints: [proxy.url], prefix: PREFIX, write: true, ...HISTORY }
    return new Mirror({ ...options, reads: "serializable" }, limits)
  }
  /** Recovers under load, then compares in quiet, and goes on under load. */
  const check = async (what: string, since: number) => {
    const ms = await mirror.recovered(etcd, since)
    const { changes, failures } = writers
    await writers.stop()
    const differences = await mirror.differences(etcd, PREFIX)
    figures.push(`  ${what}: ${ms} ms (${changes} changes, ${failures} txns refused meanwhile)`)
    writers = new Writers(() => etcd, PREFIX, KEYS, CHANGES_PER_SECOND)
    expect(differences).toEqual([])
  }
  const unchanged = async (what: string, fault: () => Promise<number>) => {
    const { epoch } = mirror.cache
    const since = await fault()
    await check(what, since)
    expect(mirror.cache.epoch).toBe(epoch)
  }

  test("ES-B26: a hub that starts is equal, while etcd is compacted every second", async () => {
    const since = performance.now()
    mirror = start()
    await check("start", since)
  })

  test("ES-E10: and stays equal after some seconds of it", async () => {
    await unchanged("load alone", async () => {
      await pause(FULL ? 10_000 : 1_500)
      return performance.now()
    })
  })

  test("SIGKILL, and another start", async () => {
    await unchanged("SIGKILL and restart", async () => {
      await etcd.kill()
      await pause(200)
      await etcd.start()
      return performance.now()
    })
  })

  test(`SIGSTOP for ${FREEZE_MS} ms`, async () => {
    await unchanged(`SIGSTOP for ${FREEZE_MS} ms`, async () => {
      etcd.freeze()
      await pause(FREEZE_MS)
      etcd.thaw()
      return performance.now()
    })
  })

  test("ES-B6, ES-B7: connections that are cut, again and again", async () => {
    await unchanged("20 cuts", async () => {
      for (let turn = 0; turn < 20; turn++) {
        proxy.cut(() => Math.random() < 0.5)
        await pause(Math.random() * 100)
      }
      return performance.now()
    })
  })

  test("ES-B8: no connection at all for a while, and compaction meanwhile", async () => {
    await unchanged("no connection", async () => {
      proxy.refuse()
      await pause(COMPACT_MS * 1.5)
      proxy.admit()
      return performance.now()
    })
  })

  test(`WS-E7: connections that say nothing for ${STALL_MS} ms`, async () => {
    await unchanged(`stalled for ${STALL_MS} ms`, async () => {
      proxy.slow(0)
      await pause(STALL_MS)
      proxy.slow(Number.POSITIVE_INFINITY)
      return performance.now()
    })
  })

  test("a connection slower than what is written", async () => {
    await unchanged(`200 kB/s for ${SLOW_MS} ms`, async () => {
      proxy.slow(200_000)
      await pause(SLOW_MS)
      proxy.slow(Number.POSITIVE_INFINITY)
      return performance.now()
    })
  })
})
