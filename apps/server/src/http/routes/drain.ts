import type { Hono } from "hono"
import type { Hub } from "../../hub.ts"
import { requireAdmin } from "../admin.ts"
import { sessionOf } from "../authenticate.ts"
import { jsonResponse } from "../json-response.ts"
import type { PeerBindings } from "../peer.ts"
import { readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `POST /v1/drain`: begins to bring the readers of this hub to others, and answers 202 with the
 * plan. Repeated, it answers with the drain as of now. The hub does not stop by it, and does not
 * serve streams again.
 */
export function drainRoutes(app: Hono, hub: Hub): void {
  app.post("/v1/drain", (context) => {
    requireAdmin(context)
    readQuery(context.req.url, {})
    const { peerAddress: address } = (context.env ?? {}) as PeerBindings
    const { identity } = sessionOf(context.req.raw)
    hub.observer.onAudit?.({ action: "drain", identity, address })
    return jsonResponse(hub.drain.begin(), { status: 202 })
  })
  app.all("/v1/drain", allow("POST"))
}
