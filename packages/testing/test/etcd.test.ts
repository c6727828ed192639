import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Etcd, etcdAvailable, startEtcd } from "../src/etcd.ts"

const available = etcdAvailable()
if (!available && process.env.HEADWATER_REQUIRE_ETCD === "1") throw new Error("no etcd on the PATH")

describe.skipIf(!available)("Etcd, when there is an etcd on the PATH", () => {
  let etcd: Etcd

  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(() => etcd.dispose())

  test("restart() keeps ports and data after a kill", async () => {
    await etcd.put("a", "1")
    const written = await etcd.put("b", "2")
    await etcd.restart()

    expect(await etcd.revision()).toBe(written)
  })

  test("compact() forgets the history below the present revision", async () => {
    await etcd.put("a", "2")
    const at = await etcd.compact()
    const old = { key: btoa("a"), revision: String(at - 1) }

    await expect(etcd.call("/v3/kv/range", old)).rejects.toThrow("compacted")
  })

  test("wipe() begins another life, at revision 1", async () => {
    await etcd.wipe()
    expect(etcd.running).toBe(false)
    await etcd.start()

    expect(await etcd.revision()).toBe(1)
  })
})
