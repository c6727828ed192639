import { wireStatus } from "@headwater/protocol"
import { aggregateStatus } from "@headwater/syncer"
import type { Hono } from "hono"
import { partReport } from "../../fan-out/part-report.ts"
import type { Hub } from "../../hub.ts"
import { sessionOf } from "../authenticate.ts"
import { seesWhole } from "../granted.ts"
import { jsonResponse } from "../json-response.ts"
import { one, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /healthz`: 200 while the process is alive. `GET /readyz`: 200 once every topic has been in
 * sync since the start, unless the hub drains or shuts down. The body has the status of each
 * topic that is granted and of all together; with `?strict=1` a stale topic makes it a 503.
 */
export function healthRoutes(app: Hono, hub: Hub): void {
  app.get("/healthz", ({ req }) => {
    readQuery(req.url, {})
    return jsonResponse({ alive: true })
  })
  app.get("/readyz", ({ req }) => {
    const isStrict = one(readQuery(req.url, { strict: "once" }), "strict") === "1"
    const session = sessionOf(req.raw)
    const topics = hub.topics.flatMap(({ name, wasInSync, cache }) => {
      const access = session.on(name)
      if (access === undefined) return []
      const report = seesWhole(access) ? cache.report : partReport(cache.report)
      return [{ topic: name, wasInSync, ...wireStatus(report) }]
    })
    const all = aggregateStatus(hub.topics.map(({ cache }) => cache.report))
    const isWhole = topics.length === hub.topics.length && topics.every((t) => "invalid" in t)
    const { isDraining: draining } = hub
    const isServing = !draining && hub.topics.every(({ wasInSync }) => wasInSync)
    const ready = isServing && (!isStrict || all.status !== "stale")
    return jsonResponse(
      { ready, draining, ...wireStatus(isWhole ? all : partReport(all)), topics },
      { status: ready ? 200 : 503 },
    )
  })
  for (const path of ["/healthz", "/readyz"]) app.all(path, allow("GET", "HEAD"))
}
