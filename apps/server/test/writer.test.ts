import { connect } from "@headwater/client"
import { writer } from "@headwater/client/write"
import { memorySource } from "@headwater/syncer/memory"
import { expect, test } from "vitest"
import { serveHub } from "./support/served-hub.ts"

test("a client reads its own writes, of every kind, against a hub", async () => {
  const served = await serveHub({
    topics: [
      { name: "json", source: memorySource() },
      { name: "binary", source: memorySource(), values: "binary" },
    ],
  })
  const json = connect({ url: served.url, topic: "json" })
  const binary = connect({ url: served.url, topic: "binary" })
  try {
    const to = writer(json)
    for (let n = 1; n <= 100; n++) {
      await to.put("counter", n)
      expect(json.get("counter")).toBe(n)
    }
    const { revision } = json.getEntry("counter")!
    await expect(to.put("counter", 0, { revision: revision - 1 })).rejects.toMatchObject({
      code: "ERR_CONFLICT",
      failed: [{ key: "counter", revision }],
    })
    await to.batch([
      { op: "delete", key: "counter" },
      { op: "put", key: "a", value: "é" },
    ])
    expect([json.has("counter"), json.get("a")]).toEqual([false, "é"])
    await expect(to.delete("counter")).rejects.toMatchObject({ code: "ERR_KEY_ABSENT" })
    const toBytes = writer(binary, { values: "binary" })
    await toBytes.put("a", Uint8Array.of(0, 255))
    await toBytes.batch([{ op: "put", key: "b", value: Uint8Array.of(1) }])

    expect([...binary.entries()].map(({ value }) => value).sort()).toEqual([
      Uint8Array.of(0, 255),
      Uint8Array.of(1),
    ])
  } finally {
    await json.close()
    await binary.close()
    await served.close()
  }
})
