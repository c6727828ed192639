import { KeyError } from "@headwater/core"
import { RequestError } from "../errors.ts"
import { eventStreamOf } from "../event-stream/event-stream.ts"
import { consoleLog, guardedLog } from "../log.ts"
import { Acceptance, type BunAcceptor } from "./bun-acceptance.ts"
import { isSamePath, SEGMENTS_MAX } from "./bun-path.ts"
import { connectionsMax } from "./open-files.ts"
import { refusal } from "./refusal.ts"
import {
  type Certificate,
  type FetchHandler,
  type Listener,
  type ListenOptions,
  urlOf,
} from "./runtime.ts"

/** A request that was matched by a route, with its raw segments, decoded. */
type BunRequest = Request & { readonly params: Readonly<Record<string, string>> }

interface BunServer extends BunAcceptor {
  requestIP(request: Request): { readonly address: string } | null
  timeout(request: Request, seconds: number): void
}

declare const Bun: {
  serve(options: {
    hostname: string
    port: number
    idleTimeout: number
    routes: Record<string, (request: BunRequest, server: BunServer) => Promise<Response>>
    fetch(request: Request, server: BunServer): Response | Promise<Response>
    tls?: Certificate
    http2?: boolean
    reusePort?: boolean
  }): BunServer
}

/**
 * Listens on Bun, by its own server: `node:http` there costs a sixth more for each delivery.
 *
 * That server resolves the dots of a path and takes `\` for `/` before a handler sees it, but its
 * router does not: there is a route for each number of segments, whose parameters are compared with
 * the path. By TLS it speaks HTTP/2 to clients that ask for it.
 */
export async function listen(fetch: FetchHandler, options: ListenOptions): Promise<Listener> {
  const { hostname, port, headMs = 10_000 } = options
  const log = guardedLog(options.log ?? consoleLog)
  // Of a connection on which nothing arrives; Bun counts whole seconds.
  const idleTimeout = Math.max(1, Math.ceil(headMs / 1_000))
  const answer = async (request: BunRequest, server: BunServer): Promise<Response> => {
    // Here the handler bounds its time; a stream is bounded by its heartbeats.
    server.timeout(request, 0)
    let response: Response
    try {
      const checked = check(request, hostname)
      response = await fetch(checked, { peerAddress: server.requestIP(request)?.address })
    } catch (error) {
      response = refusal(error, log, options.observer)
    }
    if (acceptance.isShort) response.headers.set("connection", "close")
    if (eventStreamOf(response) === undefined) server.timeout(request, idleTimeout)
    return response
  }
  const patterns = Array.from({ length: SEGMENTS_MAX }, (_, n) =>
    Array.from({ length: n + 1 }, (_, m) => `/:s${m}`).join(""),
  )
  let { certificate } = options
  const serve = (at: number) =>
    Bun.serve({
      ...(certificate && tlsOptions(certificate)),
      hostname,
      port: at,
      idleTimeout,
      routes: Object.fromEntries(["/", ...patterns].map((pattern) => [pattern, answer])),
      fetch: (request) => refusal(refusalOf(request), log, options.observer),
    })
  const at = certificate === undefined ? port : await freePort(hostname, port)
  const acceptance = new Acceptance(serve, at, options.connectionsMax ?? connectionsMax(), log)
  const scheme = certificate === undefined ? "http" : "https"
  return {
    url: urlOf(hostname, acceptance.port, scheme),
    async replaceCertificate(next) {
      certificate = next
      acceptance.renew()
    },
    close: () => acceptance.close(),
  }
}

/**
 * A server of Bun keeps its certificate, so another one listens on the same port before it stops.
 */
function tlsOptions(tls: Certificate) {
  return { tls, http2: true, reusePort: true }
}

/**
 * Resolves with the port, once nothing else listens there. A listener that shares its port with its
 * successor would also share it with another hub, which an operator has started by mistake.
 *
 * @throws {Error} `code` is `EADDRINUSE`.
 */
async function freePort(hostname: string, port: number): Promise<number> {
  const fetch = () => new Response(null, { status: 503 })
  const probe = Bun.serve({ hostname, port, idleTimeout: 1, routes: {}, fetch })
  await probe.stop(true)
  return probe.port
}

/** @throws {RequestError | KeyError} 400: the request does not name what its URL now names. */
function check(request: BunRequest, hostname: string): Request {
  const host = request.headers.get("host")
  // A client of HTTP/1.0 names no host, and then Bun makes no URL.
  if (request.url.startsWith("/")) {
    if (host !== null) throw invalid("the Host is malformed")
    const url = `${urlOf(hostname, 80)}${request.url}`
    if (new URL(url).href !== new URL(url).origin + request.url) throw unclear()
    return new Request(url, request)
  }
  if (host?.includes(",")) throw invalid("a request has one Host")
  if (request.url.includes("#")) throw invalid("a request target has no fragment: write %23 for #")
  if (/%ef%bf%bd/i.test(request.url)) {
    throw invalid("U+FFFD cannot be told from bytes that are not UTF-8 here: use a batch")
  }
  if (!isSamePath(request.url, request.params)) throw unclear()
  return request
}

function refusalOf(request: Request): Error {
  return /\/v1\/topics\/[^/]*\/entries\//.test(request.url) ? unclear() : invalid("no such path")
}

function unclear(): KeyError {
  return new KeyError("a path cannot carry this key: use entry?key=")
}

function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}
