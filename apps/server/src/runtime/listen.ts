import type { Server } from "node:http"
import { type AddressInfo, createServer, type Server as NetServer } from "node:net"
import { consoleLog, guardedLog } from "../log.ts"
import { attachClock, createHttpServer } from "./http-server.ts"
import { type FetchHandler, type Listener, type ListenOptions, urlOf } from "./runtime.ts"
import { TlsServer } from "./tls-server.ts"

/** Listens by `node:http` and `node:http2`, as Node does. */
export async function listen(fetch: FetchHandler, options: ListenOptions): Promise<Listener> {
  const { hostname, port, certificate, headMs = 10_000 } = options
  const log = guardedLog(options.log ?? consoleLog)
  const http = createHttpServer(fetch, options)
  const tls = certificate && new TlsServer(http, certificate, headMs)
  const server =
    tls === undefined ? http.server : createServer({ noDelay: true }, (raw) => tls.take(raw))
  await listening(server, hostname, port)
  if (tls !== undefined) attachClock(http.server, () => server.listening)
  server.on("error", (error) => log("the HTTP server failed", { error }))
  const scheme = tls === undefined ? "http" : "https"
  return {
    url: urlOf(hostname, (server.address() as AddressInfo).port, scheme),
    async replaceCertificate(next) {
      tls?.replaceCertificate(next)
    },
    async close() {
      server.close()
      if (tls !== undefined) http.server.close()
      await http.close()
    },
  }
}

function listening(server: Server | NetServer, hostname: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, hostname, () => {
      server.off("error", reject)
      resolve()
    })
  })
}
