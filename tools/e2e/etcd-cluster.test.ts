import { type Etcd, etcdAvailable } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { EtcdCluster } from "./etcd-cluster.ts"
import { Mirror } from "./etcd-mirror.ts"
import { fill, Writers } from "./etcd-writers.ts"
import { pause } from "./hub-process.ts"

// Three members under write load: one of them is lost, or parted from the others, and it is the one
// that the hub speaks to.

const FULL = process.env.HEADWATER_FULL === "1"
const PREFIX = "/cluster/"
const KEYS = FULL ? 100_000 : 2_000
const CHANGES_PER_SECOND = FULL ? 2_000 : 300
const PARTED_MS = FULL ? 20_000 : 1_000
/** Time of writing before the test reads the position of the hub. */
const LOAD_MS = 1_000

describe.skipIf(!etcdAvailable())(`a hub of three members with ${KEYS} keys`, () => {
  let cluster: EtcdCluster
  let mirror: Mirror | undefined
  let writing: Etcd
  let writers: Writers | undefined
  const figures: string[] = []

  beforeAll(async () => {
    cluster = await EtcdCluster.start()
    await fill(await cluster.leader(), PREFIX, KEYS)
  }, 120_000)
  afterAll(async () => {
    await writers?.stop()
    await mirror?.stop()
    await cluster?.dispose()
    console.log(`etcd of three, ${KEYS} keys, recovery:\n${figures.join("\n")}`)
  })

  /** A hub that speaks to this member first, and writers who speak to others. */
  const start = async (first: Etcd) => {
    await mirror?.stop()
    const others = cluster.members.filter((etcd) => etcd !== first)
    writing = others[0]!
    const endpoints = [first, ...others].map(({ url }) => url)
    const limits = FULL ? {} : { backoffMaxMs: 500 }
    const history = FULL ? {} : { historyRevisionsMax: 0 }
    const options = { endpoints, prefix: PREFIX, write: true, ...history }
    mirror = new Mirror({ ...options, reads: "serializable" }, limits)
    await mirror.recovered(writing)
    writers = new Writers(() => writing, PREFIX, KEYS, CHANGES_PER_SECOND)
    await pause(500)
    return { mirror, writers, epoch: mirror.cache.epoch }
  }
  /** Waits until the others have gone on without a member, which is asked of it alone. */
  const lags = async (etcd: Etcd) => {
    const range = { key: "AA==", serializable: true }
    const late = AbortSignal.timeout(120_000)
    for (;;) {
      const answer = await etcd.call("/v3/kv/range", range)
      const { header } = answer as { header: { revision: string } }
      const revision = await writing.revision().catch(() => 0)
      if (Number(header.revision) < revision) return
      late.throwIfAborted()
      await pause(20)
    }
  }
  const check = async (what: string, hub: Awaited<ReturnType<typeof start>>, ms: number) => {
    await hub.writers.stop()
    figures.push(`  ${what}: ${ms} ms (${hub.writers.changes} changes)`)
    expect(await hub.mirror.differences(writing, PREFIX)).toEqual([])
    expect(hub.mirror.cache.epoch).toBe(hub.epoch)
  }

  test.skipIf(!FULL)("the leader is killed, and comes back", async () => {
    const leader = await cluster.leader()
    const hub = await start(leader)
    const since = performance.now()
    await leader.kill()
    await pause(LOAD_MS)
    const ms = await hub.mirror.recovered(writing, since)
    await check("leader killed", hub, ms)
    await leader.start()
  })

  test.skipIf(!FULL)(
    "ES-W2: a follower that is parted from the others is left for one that is not",
    async () => {
      const leader = await cluster.leader()
      const follower = cluster.members.find((etcd) => etcd !== leader)!
      const hub = await start(follower)
      const since = performance.now()
      await cluster.part(follower)
      try {
        await lags(follower)
        const ms = await hub.mirror.recovered(writing, since)
        await check("follower parted", hub, ms)
      } finally {
        cluster.join()
      }
    },
  )

  test("a leader that is parted from the others is left for the next one", async () => {
    const leader = await cluster.leader()
    const hub = await start(leader)
    const since = performance.now()
    await cluster.part(leader)
    try {
      await lags(leader)
      const ms = await hub.mirror.recovered(writing, since)
      await pause(PARTED_MS)
      await check("leader parted", hub, ms)
    } finally {
      cluster.join()
    }
    const joined = performance.now()
    await check("joined again", hub, await hub.mirror.recovered(leader, joined))
  })
})
