import { formatPosition } from "@headwater/protocol"
import { memorySource } from "@headwater/syncer/memory"
import { ManualClock } from "@headwater/testing"
import { afterEach, describe, expect, test } from "vitest"
import { createApp } from "../../src/http/app.ts"
import type { AppOptions } from "../../src/http/app-options.ts"
import { RequestRate } from "../../src/http/request-rate.ts"
import { createHub, type Hub } from "../../src/hub.ts"
import { HUB_LIMITS } from "../../src/limits.ts"

describe("the requests of one address", () => {
  let hub: Hub
  const clock = new ManualClock()

  afterEach(() => hub.close(0))

  function serve(options: Partial<AppOptions> = {}) {
    const topics = [{ name: "t", source: memorySource() }]
    hub = createHub({ topics, clock, limits: { requestsPerSecondMax: 5 }, log: () => {} })
    const app = createApp(hub, { anonymous: "write", ...options })
    return async (peerAddress: string | undefined, headers: Record<string, string> = {}) =>
      app.request("/healthz", { headers }, { peerAddress })
  }

  test("are refused beyond the rate, with the time to wait, and taken after it", async () => {
    const ask = serve()
    for (let n = 0; n < 10; n++) expect((await ask("192.0.2.7")).status).toBe(200)
    const refused = await ask("192.0.2.7")
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"])
    expect((await refused.json()).error).toMatchObject({ code: "ERR_TOO_MANY", retry: "retry" })
    expect((await ask("192.0.2.8")).status).toBe(200)

    await clock.advance(1_000)
    const after = await Promise.all(Array.from({ length: 6 }, () => ask("192.0.2.7")))
    expect(after.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429])
  })

  test("count for 64 bits of IPv6, and for nothing from loopback", async () => {
    const ask = serve()
    for (let n = 0; n < 10; n++) await ask(`2001:db8::${n + 1}`)
    expect((await ask("2001:db8::ffff")).status).toBe(429)
    for (let n = 0; n < 20; n++) expect((await ask("127.0.0.1")).status).toBe(200)
  })

  test("count for the client that a trusted proxy names, and for no other", async () => {
    const ask = serve({ trustedProxies: ["127.0.0.1"] })
    const from = (address: string) => ({ "x-forwarded-for": `9.9.9.9, ${address}` })
    for (let n = 0; n < 10; n++) await ask("127.0.0.1", from("192.0.2.7"))
    expect((await ask("127.0.0.1", from("192.0.2.7"))).status).toBe(429)
    expect((await ask("127.0.0.1", from("192.0.2.8"))).status).toBe(200)
    expect((await ask("192.0.2.9", from("192.0.2.7"))).status).toBe(200)
    expect((await ask("127.0.0.1")).status).toBe(200)
  })
})

test("blocking GETs of one address count among its streams", async () => {
  const clock = new ManualClock()
  const topics = [{ name: "t", source: memorySource() }]
  const hub = createHub({ topics, clock, limits: { streamsPerAddressMax: 1 }, log: () => {} })
  const app = createApp(hub, { anonymous: "write" })
  await clock.settle()
  const since = formatPosition(hub.topic("t").position())
  const path = `/v1/topics/t/entry?key=a&wait=1000&since=${since}`
  const ask = async (peerAddress: string) => app.request(path, {}, { peerAddress })
  const waiting = [ask("192.0.2.7"), ask("192.0.2.8"), ask("127.0.0.1"), ask("127.0.0.1")]
  await clock.settle()
  expect((await ask("192.0.2.7")).status).toBe(429)

  await clock.advance(1_000)
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([404, 404, 404, 404])
  const closing = hub.close(0)
  await clock.advance(1_000)
  await closing
})

test("a rate remembers a bounded number of addresses", () => {
  const rate = new RequestRate(new ManualClock(), HUB_LIMITS)
  for (let n = 0; n < 100_000; n++) rate.take(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)
  expect(rate.size).toBe(65_536)
})
