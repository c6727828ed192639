import type { Hono } from "hono"
import type { Hub } from "../hub.ts"
import { one, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /healthz`: the process is alive. `GET /readyz`: readers may come, as every topic has been in
 * sync since the start and the hub is not going; a stale topic is told in the body, and is a 503
 * with `?strict=1`.
 */
export function healthRoutes(app: Hono, hub: Hub): void {
  app.get("/healthz", ({ req }) => {
    readQuery(req.url, {})
    return answer(200, { alive: true })
  })
  app.get("/readyz", ({ req }) => {
    const isStrict = one(readQuery(req.url, { strict: "once" }), "strict") === "1"
    const topics = hub.topics.map(({ name, wasInSync, cache }) => {
      const { status, code } = cache.report
      return { topic: name, wasInSync, status, ...(code && { code }) }
    })
    const { draining } = hub.drain
    const ready =
      !draining &&
      topics.every(({ wasInSync, status }) => wasInSync && (!isStrict || status !== "stale"))
    return answer(ready ? 200 : 503, { ready, draining, topics })
  })
  for (const path of ["/healthz", "/readyz"]) app.all(path, allow("GET", "HEAD"))
}

function answer(status: number, value: unknown): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  })
}
