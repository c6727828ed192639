import { readFile } from "node:fs/promises"
import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { serve } from "@hono/node-server"
import { type Runtime, urlOf } from "./runtime.ts"

/** https://nodejs.org/api/http.html, through @hono/node-server */
export const runtime: Runtime = {
  name: "node",

  args: process.argv.slice(2),

  env: (name) => process.env[name],

  listen: (fetch, { hostname, port }) =>
    new Promise((resolve, reject) => {
      const handler = { fetch: (request: Request) => fetch(request), hostname, port }
      const server = serve(handler, ({ port }: AddressInfo) =>
        resolve({ url: urlOf(hostname, port), close: () => close(server as Server) }),
      ) as Server
      server.once("error", reject)
    }),

  onStop(stop) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, stop)
  },

  exit: (code) => process.exit(code),

  readText: (file) => readFile(file, "utf8"),
}

/** Node keeps the connection of a finished stream for reuse. Close each as it falls idle. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), 50)
    server.close(() => {
      clearInterval(sweep)
      resolve()
    })
  })
}
