import type { ServerResponse } from "node:http"
import { DeltaFrames, keyOf } from "./delta.ts"
import { isNode, serveFetch, serveNode } from "./serve-fetch.ts"

const HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store, no-transform" }
const OPENING = new TextEncoder().encode(":\n\n")

/**
 * The control: the least code that writes the same bytes on this runtime. A set of open responses;
 * a write is encoded once and given to each. It holds nothing, resumes nobody, and lets a reader
 * who stops reading fill its memory.
 */
export function serveControl(): Promise<string> {
  return isNode() ? serveControlNode() : serveControlWeb()
}

function serveControlNode(): Promise<string> {
  const frames = new DeltaFrames()
  const open = new Set<ServerResponse>()
  return serveNode((request, response) => {
    if (request.method === "GET") {
      response.writeHead(200, HEADERS)
      response.write(OPENING)
      open.add(response)
      response.once("close", () => open.delete(response))
      return
    }
    let value = ""
    request.setEncoding("utf8")
    request.on("data", (part) => {
      value += part
    })
    request.on("end", () => {
      const frame = frames.nextFrame(keyOf(request.url ?? ""), value)
      for (const reader of open) reader.write(frame)
      response.end("{}")
    })
  })
}

function serveControlWeb(): Promise<string> {
  const frames = new DeltaFrames()
  const open = new Set<ReadableStreamDefaultController<Uint8Array>>()
  return serveFetch(async (request) => {
    if (request.method === "GET") {
      let own: ReadableStreamDefaultController<Uint8Array>
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          own = controller
          controller.enqueue(OPENING)
          open.add(controller)
        },
        cancel() {
          open.delete(own)
        },
      })
      return new Response(body, { headers: HEADERS })
    }
    const frame = frames.nextFrame(keyOf(request.url), await request.text())
    for (const reader of open) reader.enqueue(frame)
    return new Response("{}")
  })
}
