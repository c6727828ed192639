import { afterEach, describe, expect, test } from "vitest"
import { LocalHub } from "./support/local-hub.ts"

let local: LocalHub | undefined

afterEach(async () => {
  await local?.close()
})

const VALUE_BYTES = 100_000
const body = (fill: number) => JSON.stringify("x".repeat(fill))
const headers = { "content-type": "application/json" }

describe("a topic with a bound on its memory", () => {
  test("refuses puts when it is full, stays in sync, and has room after deletes", async () => {
    local = new LocalHub({ topic: { memoryBytesMax: 4 * 2 ** 20 } })
    await local.settle()
    const put = async (key: string) => {
      const path = `/v1/topics/t/entry?key=${key}`
      const response = await local!.ask(path, { method: "PUT", headers, body: body(VALUE_BYTES) })
      await local!.settle()
      return response
    }
    let written = 0
    let last = await put("0")
    while (last.status === 200) last = await put(String(++written))

    expect(last.status).toBe(503)
    expect(last.headers.get("retry-after")).toBe("1")
    expect(await last.json()).toMatchObject({
      error: { code: "ERR_MEMORY_FULL", retry: "retry" },
    })
    expect(written).toBeGreaterThan(7)
    expect(local.topic.cache.report.status).toBe("in-sync")

    for (let key = 0; key < written; key++) {
      const path = `/v1/topics/t/entry?key=${key}`
      expect((await local.ask(path, { method: "DELETE" })).status).toBe(200)
      await local.settle()
    }
    expect((await put("again")).status).toBe(200)
  })

  test("a batch that does not fit is refused as a whole", async () => {
    local = new LocalHub({ topic: { memoryBytesMax: 4 * 2 ** 20 } })
    await local.settle()
    const changes = Array.from({ length: 38 }, (_, key) => ({
      op: "put",
      key: String(key),
      value: "x".repeat(VALUE_BYTES),
    }))
    const response = await local.ask("/v1/topics/t/batch", {
      method: "POST",
      headers,
      body: JSON.stringify({ changes }),
    })

    expect(response.status).toBe(503)
    expect(local.topic.cache.get("0")).toBeUndefined()
  })
})
