import { Hono } from "hono"
import { cors } from "hono/cors"
import { Access } from "../access/access.ts"
import { RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import { requireAdmin } from "./admin.ts"
import { admission } from "./admission.ts"
import { type AppOptions, checkAppOptions, checkHub } from "./app-options.ts"
import { auditRefusal } from "./audit-refusal.ts"
import { authenticate } from "./authenticate.ts"
import { errorResponse } from "./error-response.ts"
import { parseRange } from "./ip-range.ts"
import { accessRoutes } from "./routes/access.ts"
import { batchRoutes } from "./routes/batch.ts"
import { drainRoutes } from "./routes/drain.ts"
import { entriesRoutes } from "./routes/entries.ts"
import { entryRoutes } from "./routes/entry.ts"
import { healthRoutes } from "./routes/health.ts"
import { metricsRoutes } from "./routes/metrics.ts"
import { multiStreamRoutes } from "./routes/multi-stream.ts"
import { pageRoutes } from "./routes/page.ts"
import { streamRoutes } from "./routes/stream.ts"
import { subscribersRoutes } from "./routes/subscribers.ts"
import { topicsRoutes } from "./routes/topics.ts"
import { safety } from "./safety.ts"

/** Paths whose requests have a session. Neither `/healthz` nor the page's files need one. */
const AUTHENTICATED = ["/v1/*", "/readyz", "/metrics"]

/** The grants behind `anonymous`, on every topic. */
const ANONYMOUS_GRANTS = { read: { read: true }, write: { read: true, write: true } } as const

/** Resources that the protocol reserves: 501 until they are implemented. */
const LATER = ["/openapi.json"]

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
  const { hosts, refuseForwardedWrites = false } = options
  const access = accessOf(hub, options)
  const app = new Hono()
  const origins = options.cors ?? []
  const reports = { log: hub.rareLog, bugs: hub.bugs, observer: hub.observer }
  app.onError((error, context) => {
    auditRefusal(context, error, hub.observer)
    return errorResponse(error, reports)
  })
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
        credentials: true,
        allowMethods: ["GET", "HEAD", "PUT", "POST", "DELETE", "QUERY"],
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
  app.use(safety({ hosts, origins, refuseForwardedWrites }))
  for (const path of AUTHENTICATED) app.use(path, authenticate(hub, access, origins))

  accessRoutes(app, hub)
  topicsRoutes(app, hub)
  streamRoutes(app, hub)
  multiStreamRoutes(app, hub)
  entriesRoutes(app, hub)
  entryRoutes(app, hub)
  batchRoutes(app, hub)
  healthRoutes(app, hub)
  subscribersRoutes(app, hub)
  drainRoutes(app, hub)
  metricsRoutes(app, hub, { processFacts: options.processFacts, guard: requireAdmin })
  if (options.page !== undefined) pageRoutes(app, options.page)
  for (const path of LATER) {
    app.all(path, () => {
      throw new RequestError("ERR_NOT_IMPLEMENTED", "this hub does not implement this resource yet")
    })
  }
  return app
}

/** The grants of an app: as the options name them, or made by the command. */
function accessOf(hub: Hub, { access, anonymous, authorize }: AppOptions): Access {
  if (access !== undefined) return access
  const grant = anonymous === undefined ? {} : { "*": ANONYMOUS_GRANTS[anonymous] }
  const report = (error: unknown) => hub.bugs.report("ending a grant failed", error)
  return new Access({ clock: hub.clock, report, anonymous: grant, authorize })
}
