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
  app.on(["PUT", "POST"], "*", async (context) => {
    const { method, url } = context.req
    const delta = frames.next({ method, url, body: await context.req.text() })
    for (const stream of open) void stream.writeSSE({ event: "delta", ...delta })
    return context.body("{}")
  })
  if (!isNode()) return serveFetch((request) => app.fetch(request))
  return new Promise((resolve) => {
    serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    )
  })
}
