import { createChannel, createResponse, createSession, type SessionOptions } from "better-sse"
import { DeltaFrames } from "./delta.ts"
import { bodyOfRequest, isNode, serveFetch, serveNode } from "./serve-fetch.ts"

/** The data is JSON already; a comment now and then would be another event to count. */
const OPTIONS: SessionOptions = { serializer: (data) => data as string, keepAlive: null }

/**
 * A peer: a channel of better-sse, as its documentation has it, writing the same events: on Node
 * over `node:http`, elsewhere by its adapter for `fetch`.
 */
export function serveBetterSse(): Promise<string> {
  const frames = new DeltaFrames()
  const channel = createChannel()
  const tell = (method: string, url: string, body: string) => {
    const { id, data } = frames.next({ method, url, body })
    channel.broadcast(data, "delta", { eventId: id })
  }
  if (!isNode()) {
    return serveFetch(async (request) => {
      if (request.method === "GET") {
        return createResponse(request, OPTIONS, (session) => channel.register(session))
      }
      tell(request.method, request.url, await request.text())
      return new Response("{}")
    })
  }
  return serveNode(async (request, response) => {
    const { method = "", url = "" } = request
    if (method === "GET") {
      channel.register(await createSession(request, response, OPTIONS))
      return
    }
    tell(method, url, await bodyOfRequest(request))
    response.end("{}")
  })
}
