import type { Socket } from "node:net"
import { createSecureContext, TLSSocket } from "node:tls"
import type { Certificate } from "./runtime.ts"

/** Protocols that a TLS server offers by ALPN, the preferred one first. */
export const ALPN_PROTOCOLS = ["h2", "http/1.1"]

/** Takes a connection whose handshake is done, with the protocol that was agreed on. */
export type SecureListener = (socket: TLSSocket, protocol: string | false | null) => void

/**
 * The server's side of TLS over accepted TCP connections, on Node.
 *
 * `node:tls` has a server of its own, which does not tell the TCP connection behind a TLS
 * connection: a bound on connections counts from the accept on.
 */
export class TlsServer {
  readonly #handshakeMs: number
  #context

  /** `handshakeMs`: a connection whose handshake takes longer is closed. */
  constructor(certificate: Certificate, handshakeMs: number) {
    this.#handshakeMs = handshakeMs
    this.#context = contextOf(certificate)
  }

  /** Shows another certificate from now on. */
  replaceCertificate(certificate: Certificate): void {
    this.#context = contextOf(certificate)
  }

  /** Shakes hands on a TCP connection; `take` gets the result. A failure closes it. */
  secure(raw: Socket, take: SecureListener): void {
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
      take(socket, socket.alpnProtocol)
    })
  }
}

function contextOf({ cert, key }: Certificate) {
  return createSecureContext({ cert, key })
}
