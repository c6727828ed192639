import { wireStatus } from "@headwater/protocol"
import { aggregateStatus } from "@headwater/syncer"
import type { Hono } from "hono"
import type { Hub } from "../../hub.ts"
import { jsonResponse } from "../json-response.ts"
import { one, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /healthz`: the process is alive. `GET /readyz`: readers may come, as every topic has been in
 * sync since the start and the hub is not going. The body tells the status of all topics together,
 * since when, and of each; a stale one is a 503 with `?strict=1`.
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
    const { draining } = hub.drain
    const isServing = !draining && topics.every(({ wasInSync }) => wasInSync)
    const ready = isServing && (!isStrict || all.status !== "stale")
    return jsonResponse(
      { ready, draining, ...wireStatus(all), topics },
      { status: ready ? 200 : 503 },
    )
  })
  for (const path of ["/healthz", "/readyz"]) app.all(path, allow("GET", "HEAD"))
}
