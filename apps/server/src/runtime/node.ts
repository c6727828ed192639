import { readFile } from "node:fs/promises"
import type { Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { serve } from "@hono/node-server"
import { answerWith } from "./answer-with.ts"
import { httpsFetch } from "./https-fetch.ts"
import { type Runtime, urlOf } from "./runtime.ts"

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

  onLostError(report) {
    process.on("unhandledRejection", report)
    process.on("uncaughtException", report)
  },

  exit: (code) => process.exit(code),

  fetchWith: httpsFetch,

  readText: (file) => readFile(file, "utf8"),
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
