import type { ServerResponse } from "node:http"
import { DeltaFrames } from "./delta.ts"
import { bodyOfRequest, isNode, serveFetch, serveNode } from "./serve-fetch.ts"

/** The headers of an event stream. */
export const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-store, no-transform",
}
const OPENING = new TextEncoder().encode(":\n\n")

/** Of what is written, one part. */
interface Reader {
  write(frame: Uint8Array): void
}

/**
 * The control: the least code that writes the same bytes on this runtime. A set of open responses;
 * a write is encoded once and given to each. It holds nothing, resumes no reader, and lets a reader
 * that stops reading fill its memory.
 *
 * @param gathers what is written in one turn of the event loop goes to each reader in one piece.
 */
export function serveControl(gathers = false): Promise<string> {
  const frames = new DeltaFrames()
  const open = new Set<Reader>()
  const tell = gathers ? gatheringTeller(open) : tellerOf(open)
  return isNode() ? serveOnNode(frames, open, tell) : serveOnWeb(frames, open, tell)
}

function tellerOf(open: ReadonlySet<Reader>): (frame: Uint8Array) => void {
  return (frame) => {
    for (const reader of open) reader.write(frame)
  }
}

function gatheringTeller(open: ReadonlySet<Reader>): (frame: Uint8Array) => void {
  const tell = tellerOf(open)
  let waiting: Uint8Array[] = []
  return (frame) => {
    if (waiting.push(frame) > 1) return
    setImmediate(() => {
      const gathered = waiting
      waiting = []
      tell(Buffer.concat(gathered))
    })
  }
}

function serveOnNode(
  frames: DeltaFrames,
  open: Set<Reader>,
  tell: (frame: Uint8Array) => void,
): Promise<string> {
  return serveNode(async (request, response: ServerResponse) => {
    const { method = "", url = "" } = request
    if (method === "GET") {
      response.writeHead(200, STREAM_HEADERS)
      response.write(OPENING)
      open.add(response)
      response.once("close", () => open.delete(response))
      return
    }
    tell(frames.nextFrame({ method, url, body: await bodyOfRequest(request) }))
    response.end("{}")
  })
}

function serveOnWeb(
  frames: DeltaFrames,
  open: Set<Reader>,
  tell: (frame: Uint8Array) => void,
): Promise<string> {
  return serveFetch(async (request) => {
    const { method, url } = request
    if (method === "GET") {
      let own: Reader
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(OPENING)
          own = { write: (frame) => controller.enqueue(frame) }
          open.add(own)
        },
        cancel() {
          open.delete(own)
        },
      })
      return new Response(body, { headers: STREAM_HEADERS })
    }
    tell(frames.nextFrame({ method, url, body: await request.text() }))
    return new Response("{}")
  })
}
