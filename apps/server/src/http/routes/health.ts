import { wireStatus } from "@headwater/protocol"
import { aggregateStatus } from "@headwater/syncer"
import type { Hono } from "hono"
import type { Hub } from "../../hub.ts"
import { jsonResponse } from "../json-response.ts"
import { one, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /healthz`: 200 while the process is alive. `GET /readyz`: 200 once every topic has been in
 * sync since the start, unless the hub drains or shuts down. The body has the status of each topic
 * and of all together; with `?strict=1` a stale topic makes it a 503.
 */
export function healthRoutes(app: Hono, hub: Hub): void {
  app.get("/healthz", ({ req }) => {
    readQuery(req.url, {})
    return jsonResponse({ alive: true })
  })
  app.get("/readyz", ({ req }) => {
    const isStrict = one(readQuery(req.url, { strict: "once" }), "strict") === "1"
    const topics = hub.topics.map(({ name, wasInSync, cache }) => {
      return { topic: name, wasInSync, ...wireStatus(cache.report) }
    })
    const all = aggregateStatus(hub.topics.map(({ cache }) => cache.report))
    const { draining } = hub.streams
    const isServing = !draining && topics.every(({ wasInSync }) => wasInSync)
    const ready = isServing && (!isStrict || all.status !== "stale")
    return jsonResponse(
      { ready, draining, ...wireStatus(all), topics },
      { status: ready ? 200 : 503 },
    )
  })
  for (const path of ["/healthz", "/readyz"]) app.all(path, allow("GET", "HEAD"))
}
