import { consoleLog, guardedLog, type Log } from "../log.ts"
import { type DenoConn, DenoConnection } from "./deno-connection.ts"
import { attachClock, createHttpServer, type HttpServer } from "./http-server.ts"
import { type FetchHandler, type Listener, type ListenOptions, urlOf } from "./runtime.ts"
import { TlsServer } from "./tls-server.ts"

/** Pause after a failed accept, in ms: the missing resource does not return at once. */
const REST_MS = 100

/** Least time between two log lines on failed accepts, in ms. */
const FAILED_LOG_MS = 60_000

declare const Deno: {
  listen(options: { hostname: string; port: number }): DenoListener
}

interface DenoListener {
  readonly addr: { readonly port: number }
  accept(): Promise<DenoConn>
  close(): void
}

/**
 * Listens on Deno: its own TCP listener, whose connections are handed to `node:tls`, `node:http`
 * and `node:http2`.
 *
 * `Deno.serve` ends when descriptors run out, and keeps silent connections for ever; the listener
 * of its `node:net` stops accepting for good without a word. A connection of `Deno.listenTls` stays
 * open after its `close()` while its client does not shake hands.
 */
export async function listen(fetch: FetchHandler, options: ListenOptions): Promise<Listener> {
  const { hostname, port, certificate, headMs = 10_000 } = options
  const log = guardedLog(options.log ?? consoleLog)
  const http = createHttpServer(fetch, options)
  const tls = certificate && new TlsServer(http, certificate, headMs)
  const listener = Deno.listen({ hostname, port })
  let isOpen = true
  attachClock(http.server, () => isOpen)
  const take = (socket: DenoConnection) => {
    if (tls === undefined) http.server.emit("connection", socket)
    else tls.take(socket)
  }
  const accepting = acceptAll(listener, http, log, () => isOpen, take)
  return {
    url: urlOf(hostname, listener.addr.port, tls === undefined ? "http" : "https"),
    async replaceCertificate(next) {
      tls?.replaceCertificate(next)
    },
    async close() {
      if (isOpen) listener.close()
      isOpen = false
      await accepting
      await http.close()
      http.server.close()
    },
  }
}

/**
 * Errors of a connection whose client left before it was accepted. The next one can be accepted at
 * once: a rest would let a client that resets its connections keep out all others.
 */
const CLIENT_ERRORS = ["NotConnected", "ConnectionReset", "ConnectionAborted"]

function isOfClient(error: unknown): boolean {
  return error instanceof Error && CLIENT_ERRORS.includes(error.name)
}

async function acceptAll(
  listener: DenoListener,
  { connections }: HttpServer,
  log: Log,
  isOpen: () => boolean,
  take: (socket: DenoConnection) => void,
): Promise<void> {
  let loggedAt = Number.NEGATIVE_INFINITY
  while (isOpen()) {
    try {
      const conn = await listener.accept()
      // Closed here and now: the descriptor is free before the next connection is accepted.
      if (connections.refuses()) conn.close()
      else take(new DenoConnection(conn))
    } catch (error) {
      if (!isOpen()) return
      if (isOfClient(error)) continue
      if (performance.now() - loggedAt >= FAILED_LOG_MS) {
        loggedAt = performance.now()
        log("accepting a connection failed; trying again every 100 ms", { error })
      }
      await new Promise((resolve) => setTimeout(resolve, REST_MS))
    }
  }
}
