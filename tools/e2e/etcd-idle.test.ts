import { systemClock } from "@headwater/core"
import { etcdSource } from "@headwater/syncer/etcd"
import { etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { describe, expect, test } from "vitest"
import { pause } from "./hub-process.ts"

const FULL = process.env.HEADWATER_FULL === "1"

/** Node's `fetch` ends a body that was silent for 300 s. */
const IDLE_MS = 320_000

describe.skipIf(!FULL || !etcdAvailable())("a watch of an etcd that tells no progress", () => {
  test("is not lost while nothing happens for longer than fetch would wait", {
    timeout: IDLE_MS + 30_000,
  }, async () => {
    const etcd = await startEtcd({ progressMs: 3_600_000 })
    const source = etcdSource({ endpoints: [etcd.url], prefix: "/idle/", clock: systemClock })
    const abort = new AbortController()
    const told: string[] = []
    const watching = (async () => {
      const from = (await source.revision(abort.signal)) + 1
      for await (const event of source.watch(from, abort.signal)) {
        told.push(event.type === "lost" ? `lost: ${event.error}` : event.type)
        if (event.type === "commits") return
      }
    })()
    try {
      await pause(IDLE_MS)
      await etcd.put("/idle/a", "1")
      await watching

      // One progress for each time that it was opened.
      expect(told).toEqual(["progress", "progress", "commits"])
    } finally {
      abort.abort()
      await source.close()
      await etcd.dispose()
    }
  })
})
