import { systemClock } from "@headwater/core"
import { etcdSource } from "@headwater/syncer/etcd"
import { etcdAvailable, startEtcd } from "@headwater/testing/etcd"
import { describe, expect, test } from "vitest"

describe.skipIf(!etcdAvailable())("EtcdSource.watch()", () => {
  test("ends when it is aborted, however much garbage was collected since it began", async () => {
    const etcd = await startEtcd({ progressMs: 100 })
    const options = { endpoints: [etcd.url], prefix: "/garbage/", write: true, clock: systemClock }
    const source = etcdSource(options)
    try {
      for (let round = 0; round < 8; round++) {
        const abort = new AbortController()
        const from = (await source.revision(abort.signal)) + 1
        const watch = source.watch(from, abort.signal)
        await watch.next()
        const value = new Uint8Array(8_000)
        const changes = Array.from({ length: 100 }, (_, index) => {
          return { op: "put" as const, key: `k${index}`, value }
        })
        await source.write?.({ conditions: [], changes }, new AbortController().signal)
        const ended = (async () => {
          for await (const _ of watch);
        })()
        abort.abort(new Error("enough"))

        await expect(ended).rejects.toThrow("enough")
      }
      expect(source.open).toBe(0)
    } finally {
      await source.close()
      await etcd.dispose()
    }
  })
})
