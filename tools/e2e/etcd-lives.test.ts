import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Etcd, etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Mirror } from "./etcd-mirror.ts"
import { fill } from "./etcd-writers.ts"

// etcd loses its history: wiped, or restored from a snapshot that is older than what hubs have
// told. Two hubs follow it, as behind a load balancer; what they tell must be one story.

const FULL = process.env.HEADWATER_FULL === "1"
const PREFIX = "/lives/"
const KEYS = FULL ? 20_000 : 500
const never = new AbortController().signal

describe.skipIf(!etcdAvailable())("hubs of an etcd that loses its history", () => {
  let etcd: Etcd
  let folder: string
  let file: string
  let mirrors: Mirror[] = []

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "headwater-lives-"))
    file = join(folder, "snapshot.db")
    etcd = await startEtcd({ progressMs: 1_000 })
    await fill(etcd, PREFIX, KEYS)
  })
  afterEach(async () => {
    await stop()
    await etcd.dispose()
    rmSync(folder, { recursive: true })
  })

  const start = (marker: boolean) => {
    const history = FULL ? {} : { historyRevisionsMax: 0 }
    const options = { endpoints: [etcd.url], prefix: PREFIX, marker, ...history }
    mirrors = [new Mirror(options), new Mirror(options)]
  }
  const stop = async () => {
    for (const mirror of mirrors.splice(0)) await mirror.stop()
  }
  const recovered = (since?: number, life?: string) =>
    Promise.all(mirrors.map((mirror) => mirror.recovered(etcd, since, life)))
  const epochs = () => mirrors.map(({ cache }) => cache.epoch)
  /** Hubs that have told more than the snapshot in `file` holds. */
  const tellMore = async (marker: boolean) => {
    start(marker)
    await recovered()
    await etcd.save(file)
    for (let turn = 0; turn < 20; turn++) await etcd.put(`${PREFIX}later/${turn}`, "1")
    await recovered()
    return { epoch: epochs()[0]!, position: mirrors[0]!.cache.position! }
  }
  const expectEqual = async (what: string, times: readonly number[]) => {
    console.log(`etcd, ${KEYS} keys, ${what}: recovered in ${times.join(" and ")} ms`)
    for (const mirror of mirrors) expect(await mirror.differences(etcd, PREFIX)).toEqual([])
  }
  /**
   * The hubs agree on an epoch that is not the one before, and so reset every reader that held
   * that one.
   */
  const expectNewLife = (before: {
    epoch: string
    position: { epoch: string; revision: number }
  }) => {
    const [one, other] = epochs()
    expect(other).toBe(one)
    expect(one).not.toBe(before.epoch)
    for (const { cache } of mirrors) {
      const reset = { type: "reset", reason: "epoch-changed" }
      expect(cache.locate(before.position)).toEqual(reset)
    }
  }

  test("ES-E11: wiped under its old name: a new epoch, the same on both", async () => {
    const before = await tellMore(true)
    await etcd.wipe()
    await etcd.start()
    const since = performance.now()
    await etcd.put(`${PREFIX}new`, "1")
    const times = await recovered(since, before.epoch)

    expectNewLife(before)
    await expectEqual("wiped", times)
  })

  test.each(FULL ? ["etcd-cluster", "another-token"] : ["etcd-cluster"])(
    "ES-B27: restored under the hubs, with the token %s: a new epoch, the same on both",
    async (token) => {
      const before = await tellMore(true)
      await etcd.restore(file, token)
      await etcd.start()
      const since = performance.now()
      const times = await recovered(since, before.epoch)
      await etcd.put(`${PREFIX}new`, "1")

      await expectEqual(`restored under hubs, ${token}`, times)
      expectNewLife(before)
    },
  )

  test("ES-B27: restored without a marker: right on each hub, by a name of its own", async () => {
    const before = await tellMore(false)
    await etcd.restore(file)
    await etcd.start()
    const times = await recovered(performance.now(), before.epoch)

    await expectEqual("restored under hubs, no marker", times)
    for (const { cache } of mirrors) expect(cache.epoch).not.toBe(before.epoch)
  })

  test.skipIf(!FULL)(
    "ES-B27: restored with a new token while no hub was up: a new epoch",
    async () => {
      const before = await tellMore(true)
      await stop()
      await etcd.restore(file, "another-token")
      await etcd.start()
      const since = performance.now()
      start(true)
      const times = await recovered(since)

      expectNewLife(before)
      await expectEqual("restored without hubs, another token", times)
    },
  )

  test("ES-E11: restored with the old token while no hub was up: readers are ahead", async () => {
    const before = await tellMore(true)
    await stop()
    await etcd.restore(file)
    await etcd.start()
    const since = performance.now()
    start(true)
    const times = await recovered(since)

    // No process is left that could know. A reader ahead of the source is recognised.
    expect(epochs()).toEqual([before.epoch, before.epoch])
    for (const { cache, syncer } of mirrors) {
      expect(cache.locate(before.position)).toEqual({ type: "ahead" })
      expect(await syncer.revisionAtLeast(before.position.revision, never)).toBe(false)
    }
    await expectEqual("restored without hubs, old token", times)
  })
})
