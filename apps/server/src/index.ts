/**
 * The hub: it mirrors sources in memory and streams them over HTTP. `createHub` reads the sources;
 * `createApp` returns a Hono app, to be served or mounted in another one.
 *
 * @example
 * import { createApp, createHub } from "@headwater/server"
 * import { memorySource } from "@headwater/syncer/memory"
 *
 * const hub = createHub({ topics: [{ name: "config", source: memorySource() }] })
 * yourApp.route("/live", createApp(hub, { anonymous: "read" }))
 *
 * @module
 */

export { createApp } from "./http/app.ts"
export type { AppOptions } from "./http/app-options.ts"
export { createMetricsApp, type MetricsAppOptions } from "./http/metrics-app.ts"
export type { PageOptions } from "./http/routes/page.ts"
export { createHub, Hub } from "./hub.ts"
export type { HubOptions } from "./hub-options.ts"
export { HUB_LIMITS, type HubLimits } from "./limits.ts"
export type { Log } from "./log.ts"
export type { ProcessFacts, ProcessUsage } from "./metrics/process-metrics.ts"
export type {
  AuditEvent,
  HubObserver,
  ReaderPolicy,
  RefusalEvent,
  StreamEndEvent,
  StreamEndReason,
  StreamEvent,
  WriteEvent,
  WriteResult,
} from "./observe/hub-observer.ts"
export {
  type PageAssets,
  type PageAssetsContext,
  type PageFile,
  pageAssets,
} from "./page/page-assets.ts"
export type { TopicOptions } from "./topic.ts"
