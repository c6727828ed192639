import type { Duplex } from "node:stream"
import { createSecureContext, TLSSocket } from "node:tls"
import type { HttpServer } from "./http-server.ts"
import type { Certificate } from "./runtime.ts"

/** Protocols that a TLS server offers by ALPN, the preferred one first. */
const ALPN_PROTOCOLS = ["h2", "http/1.1"]

/** An accepted TCP connection. */
type Accepted = Duplex & { readonly remoteAddress?: string | undefined }

/**
 * The server's side of TLS over accepted TCP connections, on Node and Deno.
 *
 * `node:tls` has a server of its own, which does not tell the TCP connection behind a TLS
 * connection: a bound on connections counts from the accept on.
 */
export class TlsServer {
  readonly #http: HttpServer
  readonly #handshakeMs: number
  #context

  /** `handshakeMs`: a connection whose handshake takes longer is closed. */
  constructor(http: HttpServer, certificate: Certificate, handshakeMs: number) {
    this.#http = http
    this.#handshakeMs = handshakeMs
    this.#context = contextOf(certificate)
  }

  /** Shows another certificate from now on. */
  replaceCertificate(certificate: Certificate): void {
    this.#context = contextOf(certificate)
  }

  /** Shakes hands on a TCP connection, which is then served. A failure closes it. */
  take(raw: Accepted): void {
    const { connections } = this.#http
    if (!connections.accept(raw)) return
    const socket = new TLSSocket(raw, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: ALPN_PROTOCOLS,
    })
    const close = () => socket.destroy()
    const late = setTimeout(close, this.#handshakeMs)
    socket.on("error", close)
    // Node keeps errors after the handshake from `error` on a socket that no `tls.Server` made.
    socket.on("_tlsError", close)
    socket.once("close", () => {
      clearTimeout(late)
      raw.destroy()
    })
    socket.once("secure", () => {
      clearTimeout(late)
      // HTTP/2 waits until it is false, and only a `tls.Server` sets it.
      Object.assign(socket, { secureConnecting: false })
      // Deno does not ask the connection below.
      if (socket.remoteAddress === undefined) {
        Object.defineProperty(socket, "remoteAddress", { value: raw.remoteAddress })
      }
      connections.replace(raw, socket)
      if (!socket.destroyed) this.#http.serve(socket, socket.alpnProtocol)
    })
  }
}

function contextOf({ cert, key }: Certificate) {
  return createSecureContext({ cert, key })
}
