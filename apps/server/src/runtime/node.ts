import { readFile } from "node:fs/promises"
import type { Server, ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { KeyError } from "@headwater/core"
import { type Http2Bindings, type HttpBindings, serve } from "@hono/node-server"
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { errorResponse } from "../error-response.ts"
import { type EventStream, eventStreamOf } from "../event-stream.ts"
import { httpsFetch } from "./https-fetch.ts"
import { type FetchHandler, type Runtime, urlOf } from "./runtime.ts"

/** How often a server that closes looks for idle connections. */
const SWEEP_MS = 20

/** https://nodejs.org/api/http.html, through @hono/node-server */
export const runtime: Runtime = {
  name: "node",

  args: process.argv.slice(2),

  env: (name) => process.env[name],

  listen: (fetch, { hostname, port }) =>
    new Promise((resolve, reject) => {
      const handler = { fetch: answerWith(fetch), hostname, port }
      const server = serve(handler, ({ port }: AddressInfo) =>
        resolve({ url: urlOf(hostname, port), close: () => close(server, idle) }),
      ) as Server
      const idle = idleSockets(server)
      server.once("error", reject)
    }),

  onStop(stop) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop)
  },

  exit: (code) => process.exit(code),

  fetchWith: httpsFetch,

  readText: (file) => readFile(file, "utf8"),
}

/**
 * Answers requests; an event stream goes to the socket by the shortest way. Through a web stream
 * each frame would cost half as much again.
 */
function answerWith(fetch: FetchHandler) {
  return async (
    request: Request,
    { incoming, outgoing }: HttpBindings | Http2Bindings,
  ): Promise<Response> => {
    // The request's own URL has its dots resolved: `entries/a/../b` must not write `b`.
    if (hasDotSegment(incoming.url ?? "")) return refuseDots()
    const response = await fetch(request)
    const stream = eventStreamOf(response)
    if (stream === undefined) return response
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    void write(stream, outgoing as ServerResponse)
    return RESPONSE_ALREADY_SENT
  }
}

function hasDotSegment(target: string): boolean {
  const path = target.split("?", 1)[0]!
  return path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment))
}

function refuseDots(): Response {
  const error = new KeyError("a path cannot carry this key: use entry?key=")
  return errorResponse(error, () => {})
}

async function write({ source, opening }: EventStream, outgoing: ServerResponse): Promise<void> {
  const frames = source.frames()
  let resume = () => {}
  const leave = () => {
    source.leave()
    resume()
    void frames.return()
  }
  outgoing.once("close", leave)
  outgoing.on("drain", () => resume())
  source.onCut(() => outgoing.destroy())
  source.attach({
    get isClear() {
      return !outgoing.writableNeedDrain && !outgoing.destroyed
    },
    write: (event) => outgoing.write(event),
  })
  outgoing.write(opening)
  try {
    for await (const event of frames) {
      if (outgoing.destroyed) return
      if (outgoing.write(event)) continue
      await new Promise<void>((resolve) => {
        resume = resolve
        if (outgoing.destroyed) resolve()
      })
    }
    outgoing.end()
  } catch {
    outgoing.destroy()
  }
}

/**
 * The connections on which nothing is asked now. Node's own list lacks those on which nothing was
 * asked yet, and browsers open such ones in advance.
 */
function idleSockets(server: Server): ReadonlySet<Socket> {
  const idle = new Set<Socket>()
  server.on("connection", (socket) => {
    idle.add(socket)
    socket.once("close", () => idle.delete(socket))
  })
  server.on("request", ({ socket }, response) => {
    idle.delete(socket)
    response.once("close", () => {
      if (!socket.destroyed) idle.add(socket)
    })
  })
  return idle
}

/** Node keeps the connection of a finished stream for reuse. Close each as it falls idle. */
function close(server: Server, idle: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const sweep = setInterval(() => {
      for (const socket of idle) socket.destroy()
    }, SWEEP_MS)
    server.close(() => {
      clearInterval(sweep)
      resolve()
    })
  })
}
