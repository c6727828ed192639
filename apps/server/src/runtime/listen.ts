import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { consoleLog, guardedLog } from "../log.ts"
import { createHttpServer } from "./http-server.ts"
import { type FetchHandler, type Listener, type ListenOptions, urlOf } from "./runtime.ts"

/** Listens by `node:http`, as Node does. */
export async function listen(fetch: FetchHandler, options: ListenOptions): Promise<Listener> {
  const { hostname, port } = options
  const log = guardedLog(options.log ?? consoleLog)
  const { server, connections } = createHttpServer(fetch, options)
  await listening(server, hostname, port)
  server.on("error", (error) => log("the HTTP server failed", { error }))
  return {
    url: urlOf(hostname, (server.address() as AddressInfo).port),
    async close() {
      server.close()
      await connections.close()
    },
  }
}

function listening(server: Server, hostname: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, hostname, () => {
      server.off("error", reject)
      resolve()
    })
  })
}
