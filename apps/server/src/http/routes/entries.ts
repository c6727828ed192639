import {
  formatPosition,
  POSITION_HEADER,
  REVISION_HEADER,
  VALUE_HEADERS,
} from "@headwater/protocol"
import type { Hono } from "hono"
import type { Continuation } from "../../continuations.ts"
import { invalid, RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import { BLOCKING_RULES, block, readBlocking } from "../blocking.ts"
import { isKnown, listEtagOf, VARY } from "../etag.ts"
import { cutToGrant, type GrantedTopic, grantedTopic } from "../granted.ts"
import { listBody } from "../list-body.ts"
import { checkKey, one, type Query, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /v1/topics/{topic}/entries?prefix=`: all entries as of one position, in any order. With
 * `limit` and `after` by pages; with `since` once one changed, with `at-least` once the hub is at
 * that position. As one JSON object, or as lines if the client accepts `application/x-ndjson`.
 */
export function entriesRoutes(app: Hono, hub: Hub): void {
  const path = "/v1/topics/:topic/entries"
  app.get(path, async ({ req }) => {
    const granted = grantedTopic(hub, req.raw, req.param("topic"))
    const { topic, session } = granted
    const rules = { prefix: "once", limit: "once", after: "once", ...BLOCKING_RULES } as const
    const query = readQuery(req.url, rules)
    const blocking = readBlocking(query)
    const list = readList(query, req.header("accept") ?? "")
    const isPage = list.limit !== undefined || list.name !== undefined
    if (isPage && blocking.since) throw invalid("since cannot be combined with limit or after")
    const prefixes = list.prefix === "" ? [] : [list.prefix]
    const filter = cutToGrant(granted, { prefixes, keys: [] })
    topic.position()
    await block(hub, topic, blocking, filter, req.raw)
    topic.fanOut.refresh()
    const from = list.name === undefined ? undefined : continuationOf(granted, list)
    const { position } = from ?? topic.fanOut.current!
    const { values } = topic
    const etag = listEtagOf(position, { ...filter, values }, list.lines ? "ndjson" : "json")
    const isUncached = isPage || blocking.since !== undefined
    const headers = {
      ...VALUE_HEADERS,
      // A page has no ETag: it names the next page, under another name each time.
      ...(!isPage && { etag }),
      "cache-control": isUncached ? "no-store" : "private, no-cache",
      vary: VARY,
      [POSITION_HEADER]: formatPosition(position),
      [REVISION_HEADER]: String(position.revision),
    }
    if (!isPage && isKnown(req.header("if-none-match") ?? null, etag)) {
      return new Response(null, { status: 304, headers })
    }
    const isHead = req.raw.method === "HEAD"
    const type = list.lines ? NDJSON : "application/json"
    return new Response(isHead ? null : listBody(topic, { ...list, filter, session, from }), {
      headers: { ...headers, "content-type": type },
    })
  })
  app.all(path, allow("GET", "HEAD"))
}

const NDJSON = "application/x-ndjson"

function readList(query: Query, accept: string) {
  const prefix = one(query, "prefix") ?? ""
  if (prefix !== "") checkKey(prefix)
  const limit = one(query, "limit")
  if (limit !== undefined && !/^[1-9]\d{0,6}$/.test(limit)) {
    throw invalid(`limit is a number of entries from 1 to 9999999, not ${JSON.stringify(limit)}`)
  }
  const lines = /\bapplication\/x-ndjson\b/i.test(accept)
  return { prefix, limit: limit && Number(limit), name: one(query, "after"), lines } as {
    readonly prefix: string
    readonly limit: number | undefined
    readonly name: string | undefined
    readonly lines: boolean
  }
}

function continuationOf(
  { topic, session }: GrantedTopic,
  { name = "", prefix }: { readonly name: string | undefined; readonly prefix: string },
): Continuation {
  const continuation = topic.continuations.find(name, session.owner)
  if (continuation.prefix !== prefix) {
    throw invalid("after is the next of a list with another prefix: repeat the prefix")
  }
  if (continuation.pinned.epochState === topic.fanOut.current!.pinned.epochState)
    return continuation
  throw new RequestError("ERR_PAGE_GONE", "a new epoch began after that page: list anew")
}
