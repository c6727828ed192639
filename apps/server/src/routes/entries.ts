import {
  formatPosition,
  POSITION_HEADER,
  REVISION_HEADER,
  VALUE_HEADERS,
} from "@headwater/protocol"
import type { Hono } from "hono"
import { BLOCKING_RULES, block, readBlocking } from "../blocking.ts"
import { etagOf, isKnown } from "../etag.ts"
import type { Hub } from "../hub.ts"
import { listBody } from "../list-body.ts"
import { checkKey, one, readQuery } from "../query.ts"
import { RequestError } from "../request-error.ts"
import { positionOf } from "../write.ts"
import { allow } from "./allow.ts"

/**
 * `GET /v1/topics/{topic}/entries?prefix=`: all entries as of one position, in any order; with
 * `since` or `at-least` when there is news, or the hub is there.
 */
export function entriesRoutes(app: Hono, hub: Hub): void {
  const path = "/v1/topics/:topic/entries"
  app.get(path, async ({ req }) => {
    const topic = hub.topic(req.param("topic"))
    const query = readQuery(req.url, {
      prefix: "once",
      limit: "later",
      after: "later",
      ...BLOCKING_RULES,
    })
    const blocking = readBlocking(query)
    if (/\bapplication\/x-ndjson\b/i.test(req.header("accept") ?? "")) {
      throw new RequestError("ERR_NOT_IMPLEMENTED", "this hub does not list as x-ndjson yet")
    }
    const prefix = one(query, "prefix") ?? ""
    if (prefix !== "") checkKey(prefix)
    positionOf(topic)
    await block(hub, topic, blocking, { prefixes: [prefix], keys: [] }, req.raw)
    topic.fanOut.refresh()
    const { position } = topic.fanOut.moment!
    const etag = etagOf(position).replace(/"$/, '-json"')
    const headers = {
      ...VALUE_HEADERS,
      etag,
      "cache-control": blocking.since ? "no-store" : "private, no-cache",
      vary: "accept, accept-encoding, authorization, origin",
      [POSITION_HEADER]: formatPosition(position),
      [REVISION_HEADER]: String(position.revision),
    }
    if (isKnown(req.header("if-none-match") ?? null, etag)) {
      return new Response(null, { status: 304, headers })
    }
    const isHead = req.raw.method === "HEAD"
    return new Response(isHead ? null : listBody(topic, prefix), {
      headers: { ...headers, "content-type": "application/json" },
    })
  })
  app.all(path, allow("GET", "HEAD"))
}
