import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Digest, STREAM_HEADERS } from "@headwater/protocol"
import type { Replica } from "../src/index.ts"

/**
 * A hub that a test drives by hand, over real HTTP: each request waits in a queue until the
 * test takes it, and is answered by hand.
 */
export class ScriptedHub implements AsyncDisposable {
  readonly url: string
  readonly #server: Server
  readonly #queue: Exchange[] = []
  #taker: ((exchange: Exchange) => void) | undefined

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on("request", (request, response) => {
      const exchange = new Exchange(request, response)
      if (this.#taker) this.#taker(exchange)
      else this.#queue.push(exchange)
      this.#taker = undefined
    })
  }

  static async listen(): Promise<ScriptedHub> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return new ScriptedHub(server)
  }

  /** The next request. */
  next(): Promise<Exchange> {
    const exchange = this.#queue.shift()
    if (exchange) return Promise.resolve(exchange)
    return new Promise((resolve) => {
      this.#taker = resolve
    })
  }

  /** The number of requests that wait to be taken. */
  get waiting(): number {
    return this.#queue.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

/** A request, and the answer to it. */
export class Exchange {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage["headers"]
  /** Resolves when the reader has let go, or the answer has ended. */
  readonly closed: Promise<void>
  /** The part of the request body that has come so far. */
  body = ""
  readonly #response: ServerResponse

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method!
    this.path = request.url!
    request.on("data", (chunk) => {
      this.body += chunk
    })
    this.headers = request.headers
    this.#response = response
    this.closed = new Promise((resolve) => response.on("close", () => resolve()))
  }

  /** Sends events or any text, as a stream. */
  send(...texts: readonly string[]): void {
    if (!this.#response.headersSent) this.#response.writeHead(200, STREAM_HEADERS)
    this.#response.write(texts.join(""))
  }

  /** Sends text one byte a write. */
  async drip(text: string): Promise<void> {
    this.#response.socket!.setNoDelay(true)
    this.send(":\n\n")
    for (const byte of new TextEncoder().encode(text)) {
      await new Promise<void>((resolve) =>
        this.#response.write(Uint8Array.of(byte), () => resolve()),
      )
    }
  }

  /** Ends the stream as HTTP does. */
  end(): void {
    this.#response.end()
  }

  /** Ends the connection, as a crash does. */
  destroy(): void {
    this.#response.destroy()
  }

  /** Answers with something that is no stream. */
  answer(status: number, body = "", headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, headers).end(body)
  }
}

/** One event, as a hub writes it. */
export function event(type: string, data: unknown, id?: string): string {
  return `event: ${type}\n${id ? `id: ${id}\n` : ""}data: ${JSON.stringify(data)}\n\n`
}

/** A `hello` of epoch `e` and json values, with the fields that the test changes. */
export function hello(fields: object = {}): string {
  return event("hello", {
    protocol: 1,
    topic: "default",
    epoch: "e",
    values: "json",
    view: "",
    heartbeatMs: 8_000,
    frameBytesMax: 65_536,
    resumed: false,
    policy: "conflate",
    ...fields,
  })
}

type Triple = readonly [key: string, revision: number, value?: unknown]

/** A `snapshot` frame; the value of an entry is its revision unless it is given. */
export function snapshot(...entries: readonly Triple[]): string {
  return event("snapshot", {
    entries: entries.map(([key, revision, value = revision]) => ({ key, value, revision })),
  })
}

/** A put, in a `delta`. */
export function put(key: string, revision: number, value: unknown = revision): object {
  return { op: "put", key, value, revision }
}

/** A delete, in a `delta`. */
export function del(key: string, revision: number): object {
  return { op: "delete", key, revision }
}

/** A touch, in a `delta`. */
export function touch(key: string, revision: number): object {
  return { op: "touch", key, revision }
}

/** A whole `delta` of epoch `e`. */
export function delta(revision: number, ...changes: readonly object[]): string {
  return event("delta", { revision, changes }, `e.${revision}`)
}

/** A part of a run: no id. */
export function partial(revision: number, ...changes: readonly object[]): string {
  return event("delta", { revision, partial: true, changes })
}

/** A `sync` with the digest of the entries that the replica should have. */
export function sync(revision: number, entries: readonly Triple[], epoch = "e"): string {
  const data = { revision, entries: entries.length, digest: digestOf(...entries) }
  return event("sync", data, `${epoch}.${revision}`)
}

/** The digest of a set of entries. */
export function digestOf(...entries: readonly Triple[]): string {
  const digest = new Digest()
  for (const [key, revision] of entries) digest.add(key, revision)
  return `${digest}`
}

/** The entries of a replica, as key and value, sorted by key. */
export function entriesOf(replica: Pick<Replica, "entries">): [string, unknown][] {
  return [...replica.entries()]
    .map(({ key, value }): [string, unknown] => [key, value])
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Resolves when the condition holds; looked at whenever the replica or its status changes. */
export function until(replica: Replica, condition: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const ends: (() => void)[] = []
    const look = () => {
      if (!condition()) return
      for (const end of ends) end()
      resolve()
    }
    ends.push(replica.subscribeStatus(look), replica.subscribe(look))
    look()
  })
}
