import { systemClock } from "@headwater/core"
import { memorySource } from "@headwater/syncer/memory"
import { expect, test } from "vitest"
import { json } from "../support/local-hub.ts"
import { RawConnection } from "../support/raw-connection.ts"
import { serveHub } from "../support/served-hub.ts"

/** More than the buffers of the kernel and of any runtime hold. */
const ENTRIES = Array.from(
  { length: 400 },
  (_, n) => [`k/${n}`, json("x".repeat(100_000))] as const,
)

test("a reader whose connection accepts no byte is cut, and its socket is closed", async () => {
  const served = await serveHub({
    topics: [{ name: "t", source: memorySource({ entries: ENTRIES }) }],
    limits: { stalledMs: 1_000, heartbeatMs: 200 },
  })
  const connection = await RawConnection.open(served.url)
  try {
    connection.send("GET /v1/topics/t/stream HTTP/1.1", "host: 127.0.0.1")
    await connection.soFar("event: snapshot")
    connection.socket.pause()
    const { streams } = served.hub
    expect(streams.size).toBe(1)
    while (streams.size > 0) await systemClock.sleep(20, new AbortController().signal)

    connection.socket.resume()
    await connection.closed()
    const answer = await connection.when(() => true)
    expect(answer.body.includes("event: goodbye")).toBe(false)
  } finally {
    connection.close()
    await served.close()
  }
})
