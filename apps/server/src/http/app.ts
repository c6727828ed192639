import { Hono } from "hono"
import { cors } from "hono/cors"
import { RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import { requireAdmin } from "./admin.ts"
import { admission } from "./admission.ts"
import { type AppOptions, checkAppOptions, checkHub } from "./app-options.ts"
import { errorResponse } from "./error-response.ts"
import { parseRange } from "./ip-range.ts"
import { batchRoutes } from "./routes/batch.ts"
import { entriesRoutes } from "./routes/entries.ts"
import { entryRoutes } from "./routes/entry.ts"
import { healthRoutes } from "./routes/health.ts"
import { metricsRoutes } from "./routes/metrics.ts"
import { pageRoutes } from "./routes/page.ts"
import { streamRoutes } from "./routes/stream.ts"
import { topicsRoutes } from "./routes/topics.ts"
import { safety } from "./safety.ts"

/** Resources that the protocol reserves: 501 until they are implemented. */
const LATER = ["/v1/stream", "/openapi.json"]

/**
 * Serves a hub over HTTP: every resource in the protocol's table. The result is a Hono app: serve
 * it, or mount it in another one, under any path.
 *
 * @throws {OptionError} `hub` is no hub; no access is chosen; an option is unknown, or makes no
 *   sense.
 */
export function createApp(hub: Hub, options: AppOptions): Hono {
  checkHub(hub)
  checkAppOptions(options)
  const { anonymous, hosts, refuseForwardedWrites = false } = options
  const app = new Hono()
  const origins = options.cors ?? []
  const reports = { log: hub.rareLog, bugs: hub.bugs, observer: hub.observer }
  app.onError((error) => errorResponse(error, reports))
  app.notFound(() => errorResponse(new RequestError("ERR_NOT_FOUND", "no such resource"), reports))

  app.use(
    admission(
      hub,
      (options.trustedProxies ?? []).map((range) => parseRange(range)!),
    ),
  )
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
  app.use(safety({ hosts, origins, anonymous, refuseForwardedWrites }))

  topicsRoutes(app, hub, anonymous)
  streamRoutes(app, hub)
  entriesRoutes(app, hub)
  entryRoutes(app, hub)
  batchRoutes(app, hub)
  healthRoutes(app, hub)
  metricsRoutes(app, hub, { processFacts: options.processFacts, guard: requireAdmin })
  if (options.page !== undefined) pageRoutes(app, options.page)
  for (const path of LATER) {
    app.all(path, () => {
      throw new RequestError("ERR_NOT_IMPLEMENTED", "this hub does not implement this resource yet")
    })
  }
  return app
}
