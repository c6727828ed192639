import { Hono } from "hono"
import { cors } from "hono/cors"
import { RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import { errorResponse } from "./error-response.ts"
import { batchRoutes } from "./routes/batch.ts"
import { entriesRoutes } from "./routes/entries.ts"
import { entryRoutes } from "./routes/entry.ts"
import { healthRoutes } from "./routes/health.ts"
import { type PageOptions, pageRoutes } from "./routes/page.ts"
import { streamRoutes } from "./routes/stream.ts"
import { topicsRoutes } from "./routes/topics.ts"
import { safety } from "./safety.ts"

/** How a hub is put on the web. */
export interface AppOptions {
  /** What somebody without a token may do; `write` by default. */
  readonly anonymous?: "read" | "write"
  /** Origins whose pages may read and write; none by default. Exact: `https://example.org`. */
  readonly cors?: readonly string[]
  /**
   * Names under which the hub may be addressed, beside loopback's own; any when absent. Give it, be
   * it empty, wherever only this machine can reach the hub.
   */
  readonly hosts?: readonly string[]
  /** The page at `/`; none when absent. */
  readonly page?: PageOptions
}

/** What is reserved by the protocol, and answered by 501 until it is there. */
const LATER = ["/v1/stream", "/metrics", "/openapi.json"]

/**
 * Puts a hub on the web, as the protocol's table of resources says. The result is a Hono app: serve
 * it, or mount it in another one, under any path.
 */
export function createApp(hub: Hub, options: AppOptions = {}): Hono {
  const app = new Hono()
  const origins = options.cors ?? []
  app.onError((error) => errorResponse(error, hub.log))
  app.notFound(() => errorResponse(new RequestError("ERR_NOT_FOUND", "nothing is here"), hub.log))

  if (origins.length > 0) {
    app.use(
      cors({
        origin: [...origins],
        allowMethods: ["GET", "HEAD", "PUT", "POST", "DELETE"],
        allowHeaders: [
          "authorization",
          "content-type",
          "if-match",
          "if-none-match",
          "last-event-id",
        ],
        exposeHeaders: ["etag", "retry-after", "headwater-revision", "headwater-position"],
      }),
    )
  }
  app.use(safety({ hosts: options.hosts, origins, anonymous: options.anonymous ?? "write" }))

  topicsRoutes(app, hub)
  streamRoutes(app, hub)
  entriesRoutes(app, hub)
  entryRoutes(app, hub)
  batchRoutes(app, hub)
  healthRoutes(app, hub)
  if (options.page !== undefined) pageRoutes(app, hub, options.page)
  for (const path of LATER) {
    app.all(path, () => {
      throw new RequestError("ERR_NOT_IMPLEMENTED", "this hub does not have that yet")
    })
  }
  return app
}
