import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http"
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2"
import type { Duplex } from "node:stream"
import { getRequestListener } from "@hono/node-server"
import { RequestError } from "../errors.ts"
import { consoleLog, guardedLog, type Log } from "../log.ts"
import { answerWith } from "./answer-with.ts"
import { Connections } from "./connections.ts"
import { FairTurns } from "./fair-turns.ts"
import { type Http2Listener, Http2Sessions } from "./http2-sessions.ts"
import { connectionsMax } from "./open-files.ts"
import { refusal } from "./refusal.ts"
import { checkHost, checkTarget } from "./request-target.ts"
import type { FetchHandler, ListenOptions } from "./runtime.ts"
import { StalledAnswers } from "./stalled-answers.ts"

/** Interval at which a server looks for late requests, in ms. */
const CHECK_MS = 1_000

/** A server that a runtime lets listen in its own way, with its connections. */
export interface HttpServer {
  readonly server: Server
  readonly connections: Connections

  /**
   * Serves a connection that `server` does not accept itself, and that `connections` has counted,
   * by the protocol that its TLS handshake agreed on.
   */
  serve(socket: Duplex, protocol: string | false | null): void

  /** Closes each connection when it has no request left. Resolves when all are closed. */
  close(): Promise<void>
}

/**
 * Makes the HTTP server of Node and Deno, from `node:http` and `node:http2`. It bounds the time of
 * a head and of a body, and the number of connections, and refuses targets that are repaired
 * elsewhere.
 *
 * Bun has its own way (`bun-listen.ts`).
 */
export function createHttpServer(fetch: FetchHandler, options: ListenOptions): HttpServer {
  const { hostname, headMs = 10_000, bodyMs = 30_000 } = options
  const log = guardedLog(options.log ?? consoleLog)
  const limits: ServerOptions = {
    headersTimeout: headMs,
    requestTimeout: headMs + bodyMs,
    connectionsCheckingInterval: Math.min(CHECK_MS, headMs),
  }
  const server = createServer(limits)
  const bounds = {
    max: options.connectionsMax ?? connectionsMax(),
    perAddressMax: options.connectionsPerAddressMax,
    exempt: options.trustedProxies,
  }
  const { observer } = options
  const connections = new Connections(bounds, log, observer)
  const stalled = new StalledAnswers(options.stalledMs ?? 300_000)
  const refused = (error: unknown) => refusal(error, log, observer)
  const answer = listenerOf(fetch, hostname, stalled, log, refused)
  const turns = new FairTurns()
  connections.serve(server, (incoming, outgoing) => {
    const { socket } = incoming
    turns.run(socket, () => {
      if (!socket.destroyed) answer(incoming, outgoing)
    })
  })
  // Always a turn later: a stream that is reset at once is gone then, and has cost no work.
  const answerStream: Http2Listener = (incoming, outgoing) => {
    const { stream } = incoming
    turns.defer(stream.session ?? stream, () => {
      if (!stream.destroyed) answer(incoming, outgoing)
    })
  }
  const sessions = options.certificate && new Http2Sessions(headMs, answerStream)
  return {
    server,
    connections,
    serve(socket, protocol) {
      if (sessions === undefined || protocol !== "h2") {
        server.emit("connection", socket)
        return
      }
      connections.markSession(socket)
      sessions.take(socket)
    },
    async close() {
      sessions?.close()
      await connections.close()
    },
  }
}

/** Lets a server that does not listen itself keep connections and check times. */
export function attachClock(server: Server, isOpen: () => boolean): void {
  Object.defineProperty(server, "listening", { get: isOpen })
  server.emit("listening")
}

function listenerOf(
  fetch: FetchHandler,
  hostname: string,
  stalled: StalledAnswers,
  log: Log,
  refused: (error: unknown) => Response,
) {
  const answer = getRequestListener(answerWith(fetch), {
    hostname,
    errorHandler: (error) => refused(refusalOf(error)),
  })
  return (
    incoming: IncomingMessage | Http2ServerRequest,
    outgoing: ServerResponse | Http2ServerResponse,
  ): void => {
    stalled.watch(outgoing)
    try {
      checkHost(incoming.rawHeaders)
      checkTarget(incoming.url ?? "")
    } catch (error) {
      send(refused(error), outgoing)
      return
    }
    answer(incoming, outgoing).catch((error) => log("bug: a request was not answered", { error }))
  }
}

/** The adapter refuses a Host or a URL that makes no sense before the app sees it. */
function refusalOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "RequestError" || "code" in error) return error
  return new RequestError("ERR_REQUEST_INVALID", `the request is malformed: ${error.message}`)
}

function send(response: Response, outgoing: ServerResponse | Http2ServerResponse): void {
  response
    .arrayBuffer()
    .then((body) => {
      const headers = { ...Object.fromEntries(response.headers), "content-length": body.byteLength }
      // Both kinds have these: their types have no common signature.
      const answer = outgoing as ServerResponse
      answer.writeHead(response.status, headers)
      answer.end(new Uint8Array(body))
    })
    .catch(() => outgoing.destroy())
}
