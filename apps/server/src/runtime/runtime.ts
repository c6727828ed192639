import type { PeerBindings } from "../http/peer.ts"
import type { Log } from "../log.ts"
import type { ProcessUsage } from "../metrics/process-metrics.ts"
import type { RefusalObserver } from "./refusal.ts"

/**
 * The interface to the machine under the server. `package.json` chooses the file behind `#runtime`.
 *
 * `env`, `listen` and `onStop` are what any server needs. Four more have one reason each: `args`
 * and `exit` because a command has arguments and an exit code, `readText` because a secret may come
 * by file, and the page at `/` is made of the modules that are installed beside this one, and
 * `fetchWith` because each runtime has its own way to give a request a certificate.
 */
export interface Runtime {
  readonly name: "node" | "deno" | "bun"

  /** The version of the runtime. */
  readonly version: string

  /** Returns what the process has used of the machine. */
  usage(): ProcessUsage

  /** The arguments of the command, without the program and the script. */
  readonly args: readonly string[]

  /** An environment variable, or `undefined`. */
  env(name: string): string | undefined

  /** True if people read what this process writes to standard error. */
  readonly isTerminal: boolean

  /**
   * Writes a text to standard error without holding up the process. Rejects when that is closed.
   */
  writeError(text: string): Promise<void>

  /** The names of all environment variables; none where this process may not list them. */
  envNames(): readonly string[]

  /**
   * Serves `fetch` until closed. Resolves once connections are accepted; rejects when the address
   * is taken (`code` is `EADDRINUSE`) or not ours. Port 0: any free one.
   */
  listen(fetch: FetchHandler, options: ListenOptions): Promise<Listener>

  /** Calls `stop` at SIGINT or SIGTERM, each time. */
  onStop(stop: () => void): void

  /** Calls `hangup` at SIGHUP, each time; the process goes on. */
  onHangup(hangup: () => void): void

  /**
   * Calls `report` with each error that nothing caught: a rejection without a handler, or what a
   * callback threw. The process goes on: one lost promise must not end every stream of a hub.
   */
  onLostError(report: (error: unknown) => void): void

  /** Ends the process now. */
  exit(code: number): never

  /** The platform's `fetch`, with a CA to trust and a certificate to show. */
  fetchWith(tls: TlsMaterial): typeof fetch

  /** A file as text. `file` is a path or a `file:` URL. Rejects when it cannot be read. */
  readText(file: string | URL): Promise<string>
}

/** Authorities to trust in place of the system's, and the client's certificate. All PEM. */
export interface TlsMaterial {
  readonly ca?: string
  /** Both, or neither. */
  readonly cert?: string
  readonly key?: string
}

/** The certificate that a server shows, with its chain, and the key of it. Both PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** Answers one request. `peer` is what Hono hands to its routes as `env`. */
export type FetchHandler = (request: Request, peer: PeerBindings) => Response | Promise<Response>

/** The address and the bounds of a server. */
export interface ListenOptions {
  readonly hostname: string
  readonly port: number
  /** Serves by TLS with this certificate; HTTP/2 to clients that ask for it by ALPN. */
  readonly certificate?: Certificate
  /** Timeout of the head of a request, and of a TLS handshake, in ms; 10 s. */
  readonly headMs?: number
  /** Timeout of its body after that, in ms; 30 s. */
  readonly bodyMs?: number
  /** Connections open at once; unless given, as many as the limit on open files leaves. */
  readonly connectionsMax?: number
  /** Time for which an answer may wait for a client that takes no byte, in ms; 5 minutes. */
  readonly stalledMs?: number
  /** Connections of one address at once; any number unless given. Loopback is exempt. */
  readonly connectionsPerAddressMax?: number
  /** Addresses that are exempt as well, as CIDR. */
  readonly trustedProxies?: readonly string[]
  /** The console's error stream unless given. */
  readonly log?: Log
  /** Hears of what the server refuses before the handler sees it. */
  readonly observer?: RefusalObserver
}

/** A server that accepts connections. */
export interface Listener {
  /** With the port that it got: `http://127.0.0.1:8080`. */
  readonly url: string

  /**
   * Shows another certificate to connections from now on; open ones go on. For a server by TLS.
   * Check the certificate first: see `checkCertificate`.
   */
  replaceCertificate(certificate: Certificate): Promise<void>

  /** Stops accepting, then waits for open responses: end the event streams first. */
  close(): Promise<void>
}

/** Writes an address as in a URL: IPv6 stands in brackets. */
export function urlOf(hostname: string, port: number, scheme: "http" | "https" = "http"): string {
  return `${scheme}://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`
}
