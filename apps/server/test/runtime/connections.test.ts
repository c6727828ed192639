import { spawnSync } from "node:child_process"
import { memorySource } from "@headwater/syncer/memory"
import { afterEach, describe, expect, test } from "vitest"
import type { ListenOptions } from "../../src/runtime/runtime.ts"
import { RawConnection } from "../support/raw-connection.ts"
import { type ServedHub, serveHub } from "../support/served-hub.ts"

const STREAM = "GET /v1/topics/t/stream HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
const HEALTH = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"

/** A program that opens connections, and resets each. Fewer than a listener's backlog. */
const RESETS = `const { connect } = require("node:net")
for (let n = 0; n < 100; n++) {
  const socket = connect(PORT, "127.0.0.1", () => socket.resetAndDestroy())
}`

describe("an HTTP server", () => {
  let served: ServedHub
  const connections: RawConnection[] = []

  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.close()
    await served.close()
  })

  async function serve(listen: Partial<ListenOptions> = {}): Promise<void> {
    served = await serveHub({ topics: [{ name: "t", source: memorySource() }] }, {}, listen)
  }

  async function connection(text = ""): Promise<RawConnection> {
    const made = await RawConnection.open(served.url)
    connections.push(made)
    if (text !== "") made.socket.write(text)
    return made
  }

  async function healthStatus(): Promise<number | undefined> {
    return fetch(`${served.url}/healthz`).then(
      ({ status }) => status,
      () => undefined,
    )
  }

  async function streamsAre(count: number): Promise<void> {
    while (served.hub.streams.size !== count) await turn()
  }

  test("serves one of the streams that are pipelined, and none when the client goes", async () => {
    await serve()
    const clients = await Promise.all(Array.from({ length: 6 }, () => connection(STREAM.repeat(9))))
    for (const client of clients) await client.soFar("event: status")
    expect(served.hub.streams.size).toBe(6)

    for (const client of clients) client.socket.resetAndDestroy()
    await streamsAre(0)
    expect(served.hub.topic("t").fanOut.followers).toBe(0)
  })

  test("closes a connection on which more requests are pipelined than may wait", async () => {
    await serve()
    const client = await connection(STREAM.repeat(2_000))
    await client.closed()
    await streamsAre(0)

    expect((await fetch(`${served.url}/healthz`)).status).toBe(200)
  })

  test("goes on at once when clients reset their connections before it accepts them", async () => {
    const lines: string[] = []
    await serve({ log: (line) => lines.push(line) })
    const port = Number(new URL(served.url).port)
    // This process accepts nothing while it waits for another one.
    const { status } = spawnSync(process.execPath, ["-e", RESETS.replace("PORT", String(port))])
    expect(status).toBe(0)

    expect((await fetch(`${served.url}/healthz`)).status).toBe(200)
    expect(lines).toEqual([])
  })

  test("answers pipelined requests in their order", async () => {
    await serve()
    const missing = HEALTH.replace("healthz", "none")
    const client = await connection(`${HEALTH}${missing}${HEALTH}`)

    const statuses = [await client.answer(), await client.answer(), await client.answer()]
    expect(statuses.map(({ status }) => status)).toEqual(["200", "404", "200"])
  })

  test.each([
    ["says nothing", ""],
    ["sends half a head", "GET / HTTP/1.1\r\nho"],
    ["stops after one request in half a head", `${HEALTH}GET / HTTP/1.1\r\nho`],
  ])("closes the connection of a client that %s", async (_, text) => {
    await serve({ headMs: 300, bodyMs: 300 })
    const client = await connection(text)

    await client.closed()
  })

  test("closes the connection of a client that sends half a body", async () => {
    await serve({ headMs: 300, bodyMs: 300 })
    const head = "PUT /v1/topics/t/entry?key=a HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    const client = await connection(
      `${head}content-type: application/json\r\ncontent-length: 9\r\n\r\n1`,
    )

    await client.closed()
    expect((await fetch(`${served.url}/v1/topics/t/entry?key=a`)).status).toBe(404)
  })

  test("leaves a stream alone that is older than any request may be", async () => {
    await serve({ headMs: 300, bodyMs: 300 })
    const reader = await connection(STREAM)
    await reader.soFar("event: status")
    const silent = await connection()
    await silent.closed()
    await (await connection("GET / HTTP/1.1\r\nho")).closed()
    const { source } = served.hub.topic("t")
    const changes = [{ op: "put", key: "late", value: new TextEncoder().encode("1") }] as const
    await source.write?.({ conditions: [], changes }, new AbortController().signal)

    await reader.soFar('"key":"late"')
  })

  test("refuses connections beyond its bound, says so once, and takes others later", async () => {
    await serve({ connectionsMax: 3 })
    const kept = await Promise.all([1, 2, 3].map(() => connection(STREAM)))
    for (const client of kept) await client.soFar("event: status")
    const more = await Promise.all(Array.from({ length: 20 }, () => connection(HEALTH)))
    for (const client of more) await client.closed()
    const said = served.log.filter((line) => line.includes("refused connections: 3 are open"))
    expect(said.length).toBe(1)

    for (const client of kept) client.close()
    await streamsAre(0)
    expect((await fetch(`${served.url}/healthz`)).status).toBe(200)
  })

  // Bun's server bounds it by its own idle timeout.
  test.skipIf(process.versions.bun)("ends an answer whose client takes no byte", async () => {
    const entries = [["a", new Uint8Array(1_000_000).fill(97)] as const]
    const topics = [{ name: "t", source: memorySource({ entries }), values: "text" as const }]
    served = await serveHub({ topics }, {}, { stalledMs: 500, connectionsMax: 1 })
    const client = await connection()
    client.socket.pause()
    const get = "GET /v1/topics/t/entry?key=a HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    client.socket.write(get.repeat(16))
    // No other connection is taken while this one is open.
    while ((await healthStatus()) !== 200) await turn()
  })

  test("counts the connections and requests that it refuses itself", async () => {
    await serve({ connectionsMax: 2 })
    const malformed = await connection("GET /a\\b HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    await malformed.soFar("ERR_REQUEST_INVALID")
    await connection()
    const refused = await connection(HEALTH)
    await refused.closed()

    expect([...served.hub.counts.refusals.rows]).toEqual([
      { labels: { at: "request", code: "ERR_REQUEST_INVALID" }, count: 1 },
      { labels: { at: "connection", code: "ERR_TOO_MANY" }, count: 1 },
    ])
  })

  test("goes on after clients that reset their connections in the middle", async () => {
    await serve()
    const put = "PUT /v1/topics/t/entry?key=a HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    const texts = ["GET /", STREAM, `${put}content-length: 99999\r\n\r\n1`, `${HEALTH}${STREAM}`]
    for (const text of texts) {
      const clients = await Promise.all([1, 2, 3, 4].map(() => connection(text)))
      for (const client of clients) client.socket.resetAndDestroy()
    }
    await streamsAre(0)

    expect((await fetch(`${served.url}/healthz`)).status).toBe(200)
    expect(served.log.filter((line) => /bug|failed/.test(line))).toEqual([])
  })
})

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}
