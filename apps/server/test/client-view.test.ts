import { connect, type Replica } from "@headwater/client"
import { VIEW_QUERY_BYTES_MAX, VIEW_TERMS_MAX } from "@headwater/protocol"
import { memorySource } from "@headwater/syncer/memory"
import { afterEach, beforeEach, expect, test } from "vitest"
import { serveHub } from "./support/served-hub.ts"

let served: Awaited<ReturnType<typeof serveHub>>
let replica: Replica

beforeEach(async () => {
  served = await serveHub({ topics: [{ name: "default", source: memorySource() }] })
})

afterEach(async () => {
  await replica.close()
  await served.close()
})

test("a hub takes every view that connect() lets through, and a token of 2 KiB", async () => {
  // `key=…` and `&`: all together as long as the bound, less a few bytes.
  const length = Math.floor(VIEW_QUERY_BYTES_MAX / VIEW_TERMS_MAX) - "key=&".length
  const keys = Array.from({ length: VIEW_TERMS_MAX }, (_, n) => `web/${n}:`.padEnd(length, "-"))
  replica = connect({ url: served.url, topic: "default", keys, token: "t".repeat(2_048) })
  await replica.ready

  expect(replica.size).toBe(0)
})

test("a request that is too long for the hub closes the replica with a code", async () => {
  // Deno takes heads of up to 64 KiB; a proxy in front of it may not.
  const token = "t".repeat(60_000)
  const fetch: typeof globalThis.fetch = async (...args) => {
    const response = await globalThis.fetch(...args)
    return "Deno" in globalThis ? new Response(null, { status: 431 }) : response
  }
  replica = connect({ url: served.url, topic: "default", token, fetch, report: () => {} })

  await expect(replica.ready).rejects.toMatchObject({ code: "ERR_TOO_LARGE", recovery: "stop" })
  expect(replica.status.state).toBe("closed")
})
