import { once } from "node:events"
import { connect as connectHttp2 } from "node:http2"
import { connect as connectTcp } from "node:net"
import { connect, type TLSSocket } from "node:tls"
import { memorySource } from "@headwater/syncer/memory"
import { afterEach, describe, expect, test } from "vitest"
import type { Listener, ListenOptions } from "../../src/runtime/runtime.ts"
import { CA, FIRST, SECOND } from "../support/certificates.ts"
import { RawConnection } from "../support/raw-connection.ts"
import { type ServedHub, serveHub } from "../support/served-hub.ts"

describe("a server by TLS", () => {
  let served: ServedHub
  const closers: (() => void)[] = []

  afterEach(async () => {
    for (const close of closers.splice(0)) close()
    await served.close()
  })

  async function serve(listen: Partial<ListenOptions> = {}): Promise<Listener> {
    const topics = [{ name: "t", source: memorySource() }]
    served = await serveHub({ topics }, {}, { certificate: FIRST, ...listen })
    return served.listener
  }

  async function shakeHands(...protocols: string[]): Promise<TLSSocket> {
    const { port } = new URL(served.url)
    const socket = connect({
      ...{ port: Number(port), host: "127.0.0.1", ca: CA },
      ...(protocols.length > 0 && { ALPNProtocols: protocols }),
    })
    closers.push(() => socket.destroy())
    await once(socket, "secureConnect")
    return socket.on("error", () => {})
  }

  async function subjectShown(): Promise<unknown> {
    const socket = await shakeHands()
    const { subject } = socket.getPeerCertificate()
    socket.destroy()
    return subject.CN
  }

  function session() {
    const session = connectHttp2(served.url, { ca: CA })
    closers.push(() => session.destroy())
    return session.on("error", () => {})
  }

  test("is reached by https, and agrees on HTTP/2 where the client offers it", async () => {
    await serve()
    expect(served.url).toMatch(/^https:/)
    const agreed = [["h2", "http/1.1"], ["http/1.1"], []].map(async (protocols) => {
      const socket = await shakeHands(...protocols)
      return socket.alpnProtocol
    })
    expect((await Promise.all(agreed)).map((name) => name || "http/1.1")).toEqual([
      "h2",
      "http/1.1",
      "http/1.1",
    ])
  })

  test("answers and streams by HTTP/1.1", async () => {
    await serve()
    const connection = RawConnection.over(await shakeHands("http/1.1"))
    connection.send("GET /healthz HTTP/1.1", "host: 127.0.0.1")
    expect((await connection.answer()).status).toBe("200")

    connection.send("GET /v1/topics/t/stream HTTP/1.1", "host: 127.0.0.1")
    await connection.soFar("event: status")
    expect(served.hub.streams.size).toBe(1)
    connection.close()
    while (served.hub.streams.size > 0) await turn()
  })

  test("answers, takes a write and streams on one connection of HTTP/2", async () => {
    await serve()
    const client = session()
    const streams = [1, 2, 3].map(() => client.request({ ":path": "/v1/topics/t/stream" }))
    const seen = streams.map((stream) => until(stream, '"key":"a"'))
    const put = client.request({
      ":method": "PUT",
      ":path": "/v1/topics/t/entry?key=a",
      "content-type": "application/json",
    })
    put.end("1")
    const [headers] = await once(put, "response")
    expect(headers[":status"]).toBe(200)
    await Promise.all(seen)

    expect(served.hub.streams.size).toBe(3)
    client.destroy()
    while (served.hub.streams.size > 0) await turn()
  })

  test("ends streams of HTTP/2 by a goodbye, and closes", async () => {
    await serve()
    const stream = session().request({ ":path": "/v1/topics/t/stream" })
    await until(stream, "event: status")
    const goodbye = until(stream, "event: goodbye")
    await served.close()
    await goodbye
  })

  test("shows another certificate to new connections, while open ones go on", async () => {
    const listener = await serve()
    expect(await subjectShown()).toBe("first")
    const old = RawConnection.over(await shakeHands("http/1.1"))
    old.send("GET /v1/topics/t/stream HTTP/1.1", "host: 127.0.0.1")
    await old.soFar("event: status")

    await listener.replaceCertificate(SECOND)
    expect([await subjectShown(), await subjectShown()]).toEqual(["second", "second"])
    await write("late")
    await old.soFar('"key":"late"')
  })

  async function write(key: string): Promise<void> {
    const { source } = served.hub.topic("t")
    const changes = [{ op: "put", key, value: new TextEncoder().encode("1") }] as const
    await source.write?.({ conditions: [], changes }, new AbortController().signal)
  }

  test.each([
    ["says nothing", ""],
    ["speaks plain HTTP", "GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"],
    ["stops in the middle of its hello", "\u0016\u0003\u0001\u0002\u0000\u0001"],
  ])("closes the connection of a client that %s", async (_, text) => {
    await serve({ headMs: 1_000 })
    const { port } = new URL(served.url)
    const socket = connectTcp(Number(port), "127.0.0.1").on("error", () => {})
    closers.push(() => socket.destroy())
    await once(socket, "connect")
    socket.write(text, "latin1")
    socket.resume()
    await once(socket, "close")
    expect(await subjectShown()).toBe("first")
  })

  test("closes a connection of HTTP/2 that opens no stream", async () => {
    await serve({ headMs: 1_000 })
    await once(session(), "close")
  })

  test.each([
    ["PING", frame(6, 0, Buffer.alloc(8))],
    ["SETTINGS", frame(4, 0)],
    ["streams that are reset", undefined],
  ])("outlives a flood of %s", async (_, flood) => {
    await serve()
    for (let connection = 0; connection < 20; connection++) {
      const socket = await shakeHands("h2")
      socket.resume()
      socket.write(Buffer.concat([Buffer.from(PREFACE), frame(4, 0)]))
      for (let round = 0; round < 4 && !socket.destroyed; round++) {
        const first = round * 1_000 + 1
        const frames = Array.from({ length: 500 }, (_, n) => flood ?? reset(first + n * 2))
        socket.write(Buffer.concat(frames))
        await turn()
      }
    }
    const [headers] = await once(session().request({ ":path": "/healthz" }), "response")
    expect(headers[":status"]).toBe(200)
  })

  test("refuses a Host that contradicts :authority", async () => {
    await serve()
    const asked = { ":path": "/healthz", ":authority": "127.0.0.1", host: "127.0.0.2" }
    const request = session().request(asked)
    const [headers] = await once(request, "response")
    expect(headers[":status"]).toBe(400)
  })
})

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

/** A frame of HTTP/2 without flags, but for the whole head of a request. */
function frame(type: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = type === 1 ? 5 : 0
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** `GET / https`, by the static table of HPACK, and its reset at once. */
function reset(stream: number): Buffer {
  return Buffer.concat([
    frame(1, stream, Buffer.from([0x82, 0x84, 0x87])),
    frame(3, stream, Buffer.from([0, 0, 0, 8])),
  ])
}

function until(stream: NodeJS.ReadableStream, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = ""
    stream.on("data", (part) => {
      seen += part
      if (seen.includes(text)) resolve()
    })
    stream.on("error", reject)
    stream.on("close", () => reject(new Error(`the stream ended: ${seen.slice(-500)}`)))
  })
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5))
}
