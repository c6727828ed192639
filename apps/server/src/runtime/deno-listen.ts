import { consoleLog, guardedLog, type Log } from "../log.ts"
import { type DenoConn, DenoConnection } from "./deno-connection.ts"
import { attachClock, createHttpServer, type HttpServer } from "./http-server.ts"
import {
  type Certificate,
  type FetchHandler,
  type Listener,
  type ListenOptions,
  urlOf,
} from "./runtime.ts"

/** Pause after a failed accept, or a failed listen, in ms: the resource does not return at once. */
const REST_MS = 100

/** Least time between two log lines on failed accepts, in ms. */
const FAILED_LOG_MS = 60_000

/** Protocols that a TLS server offers by ALPN, the preferred one first. */
const ALPN_PROTOCOLS = ["h2", "http/1.1"]

declare const Deno: {
  listen(address: Address): DenoListener
  listenTls(options: Address & Certificate & { alpnProtocols: string[] }): DenoListener
}

interface Address {
  readonly hostname: string
  readonly port: number
}

interface DenoListener {
  readonly addr: { readonly port: number }
  accept(): Promise<DenoConn>
  close(): void
}

/**
 * Listens on Deno: its own listener of TCP or TLS, whose connections are handed to a server of
 * `node:http` or `node:http2`.
 *
 * `Deno.serve` ends when descriptors run out, and keeps silent connections for ever; the listener
 * of its `node:net` stops accepting for good without a word. Its `node:tls` takes other
 * certificates while it listens, but a delivery costs three quarters more.
 */
export async function listen(fetch: FetchHandler, options: ListenOptions): Promise<Listener> {
  const http = createHttpServer(fetch, options)
  const server = new DenoServer(http, options)
  attachClock(http.server, () => server.isOpen)
  const scheme = options.certificate === undefined ? "http" : "https"
  return {
    url: urlOf(options.hostname, server.port, scheme),
    replaceCertificate: (certificate) => server.replaceCertificate(certificate),
    async close() {
      await server.close()
      await http.close()
      http.server.close()
    },
  }
}

/** A listener and the loop that accepts its connections. */
class DenoServer {
  readonly port: number
  readonly #http: HttpServer
  readonly #hostname: string
  readonly #handshakeMs: number
  readonly #log: Log
  #listener: DenoListener
  #accepting: Promise<void>
  #replacing: Promise<void> = Promise.resolve()
  #isOpen = true
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor(http: HttpServer, { hostname, port, certificate, headMs, log }: ListenOptions) {
    this.#http = http
    this.#hostname = hostname
    this.#handshakeMs = headMs ?? 10_000
    this.#log = guardedLog(log ?? consoleLog)
    this.#listener = open({ hostname, port }, certificate)
    this.port = this.#listener.addr.port
    this.#accepting = this.#acceptAll(this.#listener)
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /**
   * Listens anew: a listener of Deno keeps its certificate. The port is free once the last accept
   * has ended; a client that connects in that millisecond is refused.
   */
  replaceCertificate(certificate: Certificate): Promise<void> {
    this.#replacing = this.#replacing.then(() => this.#replace(certificate))
    return this.#replacing
  }

  async close(): Promise<void> {
    this.#isOpen = false
    this.#closeListener()
    await this.#replacing
    await this.#accepting
  }

  async #replace(certificate: Certificate): Promise<void> {
    if (!this.#isOpen) return
    this.#closeListener()
    await this.#accepting
    const address = { hostname: this.#hostname, port: this.port }
    while (this.#isOpen) {
      try {
        this.#listener = open(address, certificate)
        this.#accepting = this.#acceptAll(this.#listener)
        return
      } catch (error) {
        this.#report("listening with another certificate failed", error)
        await rest()
      }
    }
  }

  #closeListener(): void {
    try {
      this.#listener.close()
    } catch {
      // It is closed already, by another certificate that is on its way.
    }
  }

  async #acceptAll(listener: DenoListener): Promise<void> {
    for (;;) {
      try {
        const conn = await listener.accept()
        // Closed here and now: the descriptor is free before the next connection is accepted.
        if (this.#http.connections.refuses()) conn.close()
        else this.#take(new DenoConnection(conn), conn)
      } catch (error) {
        if (!this.#isOpen || this.#listener !== listener || isClosed(error)) return
        if (isOfClient(error)) continue
        this.#report("accepting a connection failed", error)
        await rest()
      }
    }
  }

  #take(socket: DenoConnection, conn: DenoConn): void {
    if (conn.handshake === undefined) {
      this.#http.serve(socket, null)
      return
    }
    if (!this.#http.connections.accept(socket)) return
    const late = setTimeout(() => socket.destroy(), this.#handshakeMs)
    conn
      .handshake()
      .then(
        ({ alpnProtocol }) => {
          if (!socket.destroyed) this.#http.serve(socket, alpnProtocol)
        },
        () => socket.destroy(),
      )
      .finally(() => clearTimeout(late))
  }

  #report(what: string, error: unknown): void {
    if (performance.now() - this.#loggedAt < FAILED_LOG_MS) return
    this.#loggedAt = performance.now()
    this.#log(`${what}; trying again every ${REST_MS} ms`, { error })
  }
}

function open(address: Address, certificate: Certificate | undefined): DenoListener {
  if (certificate === undefined) return Deno.listen(address)
  return Deno.listenTls({ ...address, ...certificate, alpnProtocols: ALPN_PROTOCOLS })
}

/**
 * Errors of a connection whose client left before it was accepted. The next one can be accepted at
 * once: a rest would let a client that resets its connections keep out all others.
 */
const CLIENT_ERRORS = ["NotConnected", "ConnectionReset", "ConnectionAborted"]

function isOfClient(error: unknown): boolean {
  return error instanceof Error && CLIENT_ERRORS.includes(error.name)
}

/** The error of an accept whose listener was closed. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && (error.name === "BadResource" || error.name === "Interrupted")
}

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST_MS))
}
