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

/** Access and origins of a hub's app. */
export interface AppOptions {
  /**
   * Access of a client without a token. There is no default: a mounted app does not know its peer,
   * and behind a proxy every client comes from this machine.
   */
  readonly anonymous: "read" | "write"
  /** Origins whose pages may read and write; none by default. Exact: `https://example.org`. */
  readonly cors?: readonly string[]
  /**
   * Names under which the hub may be addressed, beside loopback's own; any when absent. Give it, be
   * it empty, wherever only this machine can reach the hub.
   */
  readonly hosts?: readonly string[]
  /**
   * Refuses writes that a proxy passed on, as their headers show (`Forwarded`, `X-Forwarded-*`,
   * `Via`, …); no by default. The command does so on loopback, unless its access was chosen.
   */
  readonly refuseForwardedWrites?: boolean
  /** The page at `/`; none when absent. */
  readonly page?: PageOptions
}

/** Resources that the protocol reserves: 501 until they are implemented. */
const LATER = ["/v1/stream", "/metrics", "/openapi.json"]

/**
 * Serves a hub over HTTP: every resource in the protocol's table. The result is a Hono app: serve
 * it, or mount it in another one, under any path.
 *
 * @throws {TypeError} no access is chosen.
 */
export function createApp(hub: Hub, options: AppOptions): Hono {
  const anonymous = accessIn(options)
  const app = new Hono()
  const origins = options.cors ?? []
  app.onError((error) => errorResponse(error, hub.log))
  app.notFound(() => errorResponse(new RequestError("ERR_NOT_FOUND", "no such resource"), hub.log))

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
  const { hosts, refuseForwardedWrites = false } = options
  app.use(safety({ hosts, origins, anonymous, refuseForwardedWrites }))

  topicsRoutes(app, hub, anonymous)
  streamRoutes(app, hub)
  entriesRoutes(app, hub)
  entryRoutes(app, hub)
  batchRoutes(app, hub)
  healthRoutes(app, hub)
  if (options.page !== undefined) pageRoutes(app, hub, options.page)
  for (const path of LATER) {
    app.all(path, () => {
      throw new RequestError("ERR_NOT_IMPLEMENTED", "this hub does not implement this resource yet")
    })
  }
  return app
}

function accessIn(options: Partial<AppOptions> | undefined): "read" | "write" {
  const anonymous = options?.anonymous
  if (anonymous === "read" || anonymous === "write") return anonymous
  throw new TypeError(
    'createApp: choose the access of clients: anonymous: "read" or "write" for clients without a ' +
      "token, or authorize, a function that grants access per request (not implemented yet)",
  )
}
