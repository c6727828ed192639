import { ServerResponse } from "node:http"
import type { Http2Bindings, HttpBindings } from "@hono/node-server"
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response"
import { eventStreamOf } from "../event-stream/event-stream.ts"
import type { FetchHandler } from "./runtime.ts"
import { writeEvents } from "./write-events.ts"

/**
 * Answers requests of `node:http`, and writes an event stream straight to its socket. Through a web
 * stream each frame would cost half as much again.
 */
export function answerWith(fetch: FetchHandler) {
  return async (
    request: Request,
    { incoming, outgoing }: HttpBindings | Http2Bindings,
  ): Promise<Response> => {
    const response = await fetch(request, { peerAddress: peerAddressOf(incoming) })
    const stream = eventStreamOf(response)
    if (stream === undefined) return response
    outgoing.writeHead(response.status, Object.fromEntries(response.headers))
    // Of HTTP/2 it is the stream itself: its response object costs a quarter of each write.
    void writeEvents(stream, outgoing instanceof ServerResponse ? outgoing : outgoing.stream)
    return RESPONSE_ALREADY_SENT
  }
}

function peerAddressOf({ socket }: HttpBindings["incoming"] | Http2Bindings["incoming"]) {
  try {
    return socket?.remoteAddress
  } catch {
    // The connection of HTTP/2 has gone, and with it its request.
    return undefined
  }
}
