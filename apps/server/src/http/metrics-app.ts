import { Hono } from "hono"
import { RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { ProcessFacts } from "../metrics/process-metrics.ts"
import { errorResponse } from "./error-response.ts"
import { metricsRoutes } from "./routes/metrics.ts"
import { safety } from "./safety.ts"

/** Options of `createMetricsApp`. */
export interface MetricsAppOptions {
  /** As `AppOptions.hosts`: give the list where only this machine can reach the listener. */
  readonly hosts?: readonly string[] | undefined
  /** Facts of the process, where it is the hub's own. */
  readonly processFacts?: ProcessFacts | undefined
}

/**
 * Serves `/metrics` of a hub and nothing else, to every client: for a listener of its own, which
 * the network keeps from strangers. It answers while the hub drains.
 */
export function createMetricsApp(hub: Hub, options: MetricsAppOptions = {}): Hono {
  const { hosts, processFacts } = options
  const app = new Hono()
  const reports = { log: hub.rareLog, bugs: hub.bugs, observer: hub.observer }
  app.onError((error) => errorResponse(error, reports))
  app.notFound(() => {
    const message = "this listener has no such resource: it serves /metrics alone"
    return errorResponse(new RequestError("ERR_NOT_FOUND", message), reports)
  })
  app.use(safety({ hosts, origins: [], refuseForwardedWrites: false }))
  metricsRoutes(app, hub, { processFacts })
  return app
}
