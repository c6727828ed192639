import { createServer } from "node:http2"
import { memorySource } from "@headwater/syncer/memory"
import { serve } from "@hono/node-server"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { createApp } from "../../src/http/app.ts"
import { answerWith } from "../../src/runtime/answer-with.ts"
import { http2Text } from "../support/http2-text.ts"
import { RawConnection } from "../support/raw-connection.ts"
import { type ServedHub, serveHub } from "../support/served-hub.ts"

const STREAM = "/v1/topics/t/stream"

/** The end of a stream that the hub ended. */
const GOODBYE = /event: goodbye\n(.+\n)+\n$/

// On Bun and Deno the suite runs this over their `node:http`, which is written to in the same way.
describe("writeEvents()", () => {
  let served: ServedHub
  const connections: RawConnection[] = []

  beforeEach(async () => {
    served = await serveHub({ topics: [{ name: "t", source: memorySource() }] })
  })

  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.close()
    await served.close()
    expect(served.log.filter((line) => line.includes("failed"))).toEqual([])
    expect(served.hub.topic("t").fanOut.followers).toBe(0)
  })

  async function connection(): Promise<RawConnection> {
    const made = await RawConnection.open(served.url)
    connections.push(made)
    return made
  }

  async function put(key: string, value: unknown): Promise<number> {
    const response = await fetch(`${served.url}/v1/topics/t/entry?key=${key}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(value),
    })
    expect(response.status).toBe(200)
    return (await response.json()).revision
  }

  test("writes each event as one chunk, live", async () => {
    const reader = await connection()
    reader.send(`GET ${STREAM} HTTP/1.1`, "host: 127.0.0.1")
    const before = await reader.soFar("event: status")
    await put("a", 1)
    await put("b", "x".repeat(20_000))
    const after = await reader.soFar('"key":"b"')

    expect(after.headers.get("transfer-encoding")).toBe("chunked")
    // The opening comes first, though it stands in the block of the first event.
    const [opening = "", ...events] = after.body.toString().split(/(?<=\n\n|retry: \d+\n)/)
    expect(after.chunks).toEqual([opening, ...events].map(({ length }) => length))
    expect(after.chunks.length).toBe(before.chunks.length + 2)
  })

  test("ends a stream so that its connection serves the next request", async () => {
    const reader = await connection()
    for (let round = 0; round < 15; round++) {
      reader.send(`GET ${STREAM}?once=1 HTTP/1.1`, "host: 127.0.0.1")
      const stream = await reader.answer()
      expect(stream.body.toString()).toMatch(GOODBYE)
      reader.send("GET /healthz HTTP/1.1", "host: 127.0.0.1")
      expect((await reader.answer()).status).toBe("200")
    }
  })

  test("writes no chunks to a client of HTTP/1.0, and ends by closing", async () => {
    const reader = await connection()
    reader.send(`GET ${STREAM} HTTP/1.0`, "host: 127.0.0.1")
    await reader.soFar("event: status")
    await put("a", 1)
    const live = await reader.soFar('"key":"a"')
    void served.hub.close(1_000)
    const answer = await reader.answer()

    expect(live.headers.has("transfer-encoding")).toBe(false)
    expect(answer.body.toString()).toMatch(/^:\nretry: \d+\nevent: hello\n/)
    expect(answer.body.toString()).toMatch(GOODBYE)
    await reader.closed()
  })

  // Bun does not look at `te`.
  test.skipIf(process.versions.bun)(
    "writes chunks to a client of HTTP/1.0 who says that he takes them",
    async () => {
      const reader = await connection()
      reader.send(`GET ${STREAM}?once=1 HTTP/1.0`, "host: 127.0.0.1", "te: chunked")
      const answer = await reader.answer()

      expect(answer.headers.get("transfer-encoding")).toBe("chunked")
      expect(answer.body.toString()).toMatch(GOODBYE)
      await reader.closed()
    },
  )

  test("closes after the last chunk where the client asked for it", async () => {
    const reader = await connection()
    reader.send(`GET ${STREAM}?once=1 HTTP/1.1`, "host: 127.0.0.1", "connection: close")
    const answer = await reader.answer()

    expect([answer.ended, answer.headers.get("connection")]).toEqual([true, "close"])
    await reader.closed()
  })

  test("has no body for HEAD, and the connection goes on", async () => {
    const reader = await connection()
    reader.send(`HEAD ${STREAM} HTTP/1.1`, "host: 127.0.0.1")
    const head = await reader.answer("HEAD")
    reader.send("GET /healthz HTTP/1.1", "host: 127.0.0.1")

    expect(head.headers.get("content-type")).toBe("text/event-stream")
    expect((await reader.answer()).status).toBe("200")
  })

  test("keeps its place among pipelined requests", async () => {
    const reader = await connection()
    const ask = (path: string) => `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1`
    await put("a", 1)
    // The first one answers last of all: meanwhile the streams behind it are made.
    const { position } = await (await fetch(`${served.url}/v1/topics/t`)).json()
    reader.send(
      `${ask(`/v1/topics/t/entry?key=a&since=${position}&wait=400`)}\r\n`,
      `${ask(`${STREAM}?once=1`)}\r\n`,
      `${ask("/healthz")}\r\n`,
      ask(STREAM),
    )

    expect((await reader.answer()).headers.get("content-type")).toBe("application/json")
    expect((await reader.answer()).body.toString()).toMatch(GOODBYE)
    expect((await reader.answer()).headers.get("content-type")).toMatch("application/json")
    await reader.soFar("event: status")
    await put("a", 2)
    await reader.soFar('"value":2')
  })

  test("sends nothing while a reader does not read, and goes on when it does", async () => {
    const reader = await connection()
    reader.send(`GET ${STREAM} HTTP/1.1`, "host: 127.0.0.1")
    await reader.soFar("event: status")
    reader.socket.pause()
    const rounds = 120
    for (let n = 0; n < rounds; n++) await put(`k${n % 10}`, `${n}${"x".repeat(100_000)}`)
    const revision = await put("last", 1)
    expect(served.hub.topic("t").fanOut.frames.encoded).toBeLessThan(rounds)
    reader.socket.resume()
    const all = (await reader.soFar(`.${revision}\n`)).body.toString()

    const values = Array.from({ length: 10 }, (_, n) => `"value":"${rounds - 10 + n}xxx`)
    expect(values.filter((value) => !all.includes(value))).toEqual([])
    expect(all.length).toBeLessThan(rounds * 100_000)
  })

  test("notices that a client leaves", async () => {
    const reader = await connection()
    reader.send(`GET ${STREAM} HTTP/1.1`, "host: 127.0.0.1")
    await reader.soFar("event: status")
    const { fanOut } = served.hub.topic("t")
    expect(fanOut.followers).toBe(1)
    reader.close()
    while (fanOut.followers > 0) await new Promise((resolve) => setTimeout(resolve, 5))
  })

  test("says goodbye and lets the server close", async () => {
    const reader = await connection()
    reader.send(`GET ${STREAM} HTTP/1.1`, "host: 127.0.0.1")
    await reader.soFar("event: status")
    const began = performance.now()
    const closing = served.close()
    const answer = await reader.answer()
    await closing
    await reader.closed()

    expect(answer.body.toString()).toMatch(GOODBYE)
    expect(performance.now() - began).toBeLessThan(60_000)
  })

  test("takes Node's own way where the connection is one of HTTP/2", async () => {
    const app = createApp(served.hub, { anonymous: "write" })
    const handler = answerWith((request, peer) => app.fetch(request, peer))
    const server = serve({ fetch: handler, createServer, hostname: "127.0.0.1", port: 0 })
    await new Promise((resolve) => server.once("listening", resolve))
    const { port } = server.address() as { port: number }
    const text = await http2Text(`http://127.0.0.1:${port}`, `${STREAM}?once=1`)
    await new Promise((resolve) => server.close(resolve))

    expect(text).toMatch(/^:\nretry: \d+\nevent: hello\n[\s\S]*event: goodbye\n(.+\n)+\n$/)
  })
})
