import type { Hono } from "hono"
import type { Allowed } from "../../access/allowed.ts"
import type { Hub } from "../../hub.ts"
import { mayAdminister } from "../admin.ts"
import { sessionOf } from "../authenticate.ts"
import { jsonResponse } from "../json-response.ts"
import { readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /v1/access`: the identity behind the request, what it may read and write of each topic, and
 * until when. A topic without a grant is not named.
 */
export function accessRoutes(app: Hono, hub: Hub): void {
  app.get("/v1/access", (context) => {
    const { req } = context
    readQuery(req.url, {})
    const session = sessionOf(req.raw)
    const topics = Object.fromEntries(
      hub.topics.flatMap(({ name }) => {
        const access = session.on(name)
        if (access === undefined) return []
        return [[name, { read: wireAllowed(access.read), write: wireAllowed(access.write) }]]
      }),
    )
    const { identity, expiresAt } = session
    const expires = expiresAt === undefined ? null : new Date(expiresAt).toISOString()
    return jsonResponse({ identity, topics, admin: mayAdminister(context), expires })
  })
  app.all("/v1/access", allow("GET", "HEAD"))
}

/** `true` for every key, `false` for none, else the terms. */
function wireAllowed(allowed: Allowed) {
  if (allowed.type !== "terms") return allowed.type === "all"
  return { prefixes: allowed.prefixes, keys: allowed.keys }
}
