import { isLoopback } from "../http/host.ts"
import { createMetricsApp } from "../http/metrics-app.ts"
import type { Hub } from "../hub.ts"
import type { ProcessFacts } from "../metrics/process-metrics.ts"
import type { Listener, Runtime } from "../runtime/runtime.ts"
import { listenOn } from "./listen-on.ts"
import type { Address } from "./settings/rows/serving.ts"

/** Connections of scrapers at once: none of them needs more than one. */
const CONNECTIONS_MAX = 16

/**
 * Listens where `--metrics-listen` says, if it is set, for metrics alone. Plain HTTP. Close the
 * listener after the hub, so that the last scrapes see it drain.
 */
export async function listenForMetrics(
  runtime: Runtime,
  hub: Hub,
  address: Address | undefined,
  processFacts: ProcessFacts,
): Promise<Listener | undefined> {
  if (address === undefined) return undefined
  const app = createMetricsApp(hub, {
    processFacts,
    ...(isLoopback(address.hostname) && { hosts: [] }),
  })
  const listener = await listenOn("metrics-listen", address, (at) =>
    runtime.listen((request, peer) => app.fetch(request, peer), {
      ...at,
      connectionsMax: CONNECTIONS_MAX,
      log: hub.log,
      observer: hub.observer,
    }),
  )
  hub.log(`metrics are at ${listener.url}/metrics`)
  return listener
}
