import { memorySource } from "@headwater/syncer/memory"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { eventStreamOf } from "../../src/event-stream/event-stream.ts"
import { createApp } from "../../src/http/app.ts"
import { createHub, type Hub } from "../../src/hub.ts"

const URL_OF_STREAM = "http://127.0.0.1/v1/topics/t/stream"
const ORIGIN = "https://example.org"

describe("eventStreamOf()", () => {
  let hub: Hub

  beforeEach(() => {
    hub = createHub({ topics: [{ name: "t", source: memorySource() }], log: () => {} })
  })

  afterEach(() => hub.close(0))

  test("knows a stream to which headers were added on the way, for pages elsewhere", async () => {
    const app = createApp(hub, { anonymous: "read", cors: [ORIGIN] })
    const response = await app.request(URL_OF_STREAM, { headers: { origin: ORIGIN } })

    expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN)
    expect(eventStreamOf(response)?.opening.byteLength).toBeGreaterThan(0)
    await response.body?.cancel()
  })

  test("finds no stream that is read already, and none in another answer", async () => {
    const app = createApp(hub, { anonymous: "write" })
    const response = await app.request(URL_OF_STREAM)
    const reader = response.body!.getReader()

    expect(eventStreamOf(response)).toBe(undefined)
    expect(eventStreamOf(await app.request(URL_OF_STREAM, { method: "HEAD" }))).toBe(undefined)
    expect(eventStreamOf(await app.request("http://127.0.0.1/healthz"))).toBe(undefined)
    await reader.cancel()
  })
})
