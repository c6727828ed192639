import { serve } from "@hono/node-server"
import { Hono } from "hono"
import { type SSEStreamingApi, streamSSE } from "hono/streaming"
import { DeltaFrames } from "./delta.ts"
import { isNode, serveFetch } from "./serve-fetch.ts"

/** A peer: Hono's `streamSSE`, as its documentation has it, writing the same events. */
export function serveHono(): Promise<string> {
  const frames = new DeltaFrames()
  const open = new Set<SSEStreamingApi>()
  const app = new Hono()
  app.get("*", (context) =>
    streamSSE(context, async (stream) => {
      open.add(stream)
      await stream.write(":\n\n")
      await new Promise<void>((resolve) => stream.onAbort(resolve))
      open.delete(stream)
    }),
  )
  app.put("*", async (context) => {
    const { revision, body, id } = frames.next(
      context.req.query("key") ?? "",
      await context.req.text(),
    )
    const message = { event: "delta", id, data: `{"revision":${revision},"changes":[${body}]}` }
    for (const stream of open) void stream.writeSSE(message)
    return context.body("{}")
  })
  if (!isNode()) return serveFetch((request) => app.fetch(request))
  return new Promise((resolve) => {
    serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    )
  })
}
