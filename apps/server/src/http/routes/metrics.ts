import type { Context, Hono } from "hono"
import type { Hub } from "../../hub.ts"
import { CONTENT_TYPE_OF } from "../../metrics/exposition.ts"
import { metricsText } from "../../metrics/metrics-text.ts"
import { prefersOpenMetrics } from "../../metrics/prefers-open-metrics.ts"
import type { ProcessFacts } from "../../metrics/process-metrics.ts"
import { readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/** Options of the route of metrics. */
export interface MetricsRouteOptions {
  /** Facts of the process, where it is the hub's own. */
  readonly processFacts?: ProcessFacts | undefined
  /** Refuses a request by an error. */
  guard?(context: Context): void
}

/**
 * `GET /metrics`: the metrics of the hub, in OpenMetrics for a scraper that asks for it, else in
 * Prometheus' text.
 */
export function metricsRoutes(app: Hono, hub: Hub, options: MetricsRouteOptions): void {
  const { processFacts, guard } = options
  app.get("/metrics", async (context) => {
    const { req } = context
    guard?.(context)
    readQuery(req.url, {})
    const format = prefersOpenMetrics(req.header("accept")) ? "openmetrics" : "prometheus"
    return new Response(await metricsText(hub, format, processFacts), {
      headers: {
        "content-type": CONTENT_TYPE_OF[format],
        "cache-control": "no-store",
        vary: "accept",
        "x-content-type-options": "nosniff",
      },
    })
  })
  app.all("/metrics", allow("GET", "HEAD"))
}
