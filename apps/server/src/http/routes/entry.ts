import { type Condition, KeyError, type Revision } from "@headwater/core"
import {
  CONTENT_TYPES,
  formatPosition,
  POSITION_HEADER,
  REVISION_HEADER,
  VALUE_HEADERS,
} from "@headwater/protocol"
import type { Hono } from "hono"
import { invalid, RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import type { Topic } from "../../topic.ts"
import { checkValue } from "../../values.ts"
import { BLOCKING_RULES, block, readBlocking } from "../blocking.ts"
import { readBody } from "../body.ts"
import { checkContent } from "../content-type.ts"
import { conditionOf, etagOf, isKnown, VARY } from "../etag.ts"
import { grantedTopic, requireRead, requireWrite } from "../granted.ts"
import { inSlices } from "../in-slices.ts"
import { jsonResponse } from "../json-response.ts"
import { checkKey, one, type Rule, readQuery } from "../query.ts"
import { checkWritable, type TopicWriter, writerOf, writeTo } from "../write.ts"
import { allow } from "./allow.ts"

const WRITE_RULES = { ttl: "later" } as const

type Rules = Readonly<Record<string, Rule>>

/**
 * `GET`, `PUT` and `DELETE` of one entry: `/v1/topics/{topic}/entry?key=`, the exact form for every
 * key, and `/v1/topics/{topic}/entries/{key}`, for keys that look like paths.
 */
export function entryRoutes(app: Hono, hub: Hub): void {
  const exact = "/v1/topics/:topic/entry"
  const path = "/v1/topics/:topic/entries/:key{.*}"
  const read = (url: string, rules: Rules) => {
    const query = readQuery(url, { ...rules, key: "once" })
    return { query, key: checkKey(one(query, "key")) }
  }
  const readPath = (url: string, rules: Rules) => {
    const query = readQuery(url, rules)
    return { query, key: keyInPath(url) }
  }
  for (const [route, readRequest] of [
    [exact, read],
    [path, readPath],
  ] as const) {
    app.get(route, async ({ req }) => {
      const granted = grantedTopic(hub, req.raw, req.param("topic")!)
      const { topic } = granted
      const { query, key } = readRequest(req.url, BLOCKING_RULES)
      requireRead(granted, key)
      const blocking = readBlocking(query)
      await block(hub, topic, blocking, { prefixes: [], keys: [key] }, req.raw)
      const caching = blocking.since ? "no-store" : "private, no-cache"
      return getEntry(topic, key, req.header("if-none-match") ?? null, caching)
    })
    app.put(route, ({ req, env }) => {
      const granted = grantedTopic(hub, req.raw, req.param("topic")!)
      const { key } = readRequest(req.url, WRITE_RULES)
      requireWrite(granted, key)
      const { headers } = req.raw
      // The answer to a condition tells about the entry.
      if (headers.has("if-match") || headers.has("if-none-match")) requireRead(granted, key)
      return putEntry(writerOf(hub, granted, env), key, req.raw)
    })
    app.delete(route, ({ req, env }) => {
      const granted = grantedTopic(hub, req.raw, req.param("topic")!)
      const { key } = readRequest(req.url, WRITE_RULES)
      requireWrite(granted, key)
      // 404 tells that the entry is absent.
      requireRead(granted, key)
      return deleteEntry(writerOf(hub, granted, env), key, req.raw)
    })
    app.all(route, allow("GET", "HEAD", "PUT", "DELETE"))
  }
}

/**
 * Returns the key in a path, decoded once.
 *
 * @throws {KeyError} a path cannot carry this key: proxies and clients resolve the segments `.` and
 *   `..`, and merge slashes.
 */
export function keyInPath(url: string): string {
  // The path as the client sent it, where the runtime shows that: `URL` would resolve dots.
  const raw = /^[^?#]*?\/v1\/topics\/[^/]+\/entries\/([^?#]*)/.exec(url)?.[1] ?? ""
  let key: string
  try {
    key = decodeURIComponent(raw)
  } catch {
    throw new KeyError("the path is not UTF-8, or not URL-encoded")
  }
  if (key.split("/").some((segment) => segment === "" || segment === "." || segment === "..")) {
    throw new KeyError("a path cannot carry an empty, . or .. segment of a key: use entry?key=")
  }
  return checkKey(key)
}

function getEntry(
  topic: Topic,
  key: string,
  ifNoneMatch: string | null,
  caching: string,
): Response {
  const position = topic.position()
  const entry = topic.cache.get(key)
  const headers = { [POSITION_HEADER]: formatPosition(position), ...VALUE_HEADERS }
  if (entry === undefined) {
    throw new RequestError(
      "ERR_KEY_ABSENT",
      `there is no entry ${JSON.stringify(key)} in topic ${topic.name}`,
      { headers },
    )
  }
  const etag = etagOf({ epoch: position.epoch, revision: entry.revision })
  const known = {
    ...headers,
    [REVISION_HEADER]: String(entry.revision),
    etag,
    "cache-control": caching,
    vary: VARY,
  }
  if (isKnown(ifNoneMatch, etag)) return new Response(null, { status: 304, headers: known })
  const type = CONTENT_TYPES[topic.values]
  return new Response(entry.value as Uint8Array<ArrayBuffer>, {
    headers: { ...known, "content-type": type, "content-length": String(entry.value.length) },
  })
}

async function putEntry(writer: TopicWriter, key: string, request: Request): Promise<Response> {
  const { hub, topic, session } = writer
  checkWritable(topic)
  checkContent(request.headers, topic.values)
  const epoch = topic.position().epoch
  const value = await readBody(request, hub.limits.valueBytesMax, hub, session)
  await inSlices(topic.fanOut.turns, checkValue(topic.values, value, hub.limits.valueBytesMax))
  const condition = conditionOf(request.headers, key, epoch)
  const outcome = await writeTo(writer, {
    conditions: condition ? [condition] : [],
    changes: [{ op: "put", key, value }],
  })
  return outcome.written ? written(epoch, outcome.revision) : refused(outcome.failed[0]?.revision)
}

async function deleteEntry(writer: TopicWriter, key: string, request: Request): Promise<Response> {
  const { topic } = writer
  checkWritable(topic)
  if (request.headers.has("if-none-match")) {
    throw invalid("a DELETE may have If-Match, but no If-None-Match")
  }
  const epoch = topic.position().epoch
  const condition = conditionOf(request.headers, key, epoch)
  const exists: Condition = { key, exists: true }
  const outcome = await writeTo(writer, {
    conditions: [condition ?? exists],
    changes: [{ op: "delete", key }],
  })
  if (outcome.written) return written(epoch, outcome.revision)
  const revision = outcome.failed[0]?.revision ?? 0
  if (revision === 0) {
    const headers = { [POSITION_HEADER]: formatPosition(topic.position()) }
    throw new RequestError(
      "ERR_KEY_ABSENT",
      `there is no entry ${JSON.stringify(key)} in topic ${topic.name}`,
      { headers },
    )
  }
  return refused(revision)
}

function written(epoch: string, revision: Revision): Response {
  const position = formatPosition({ epoch, revision })
  return jsonResponse(
    { revision, position },
    { headers: { [REVISION_HEADER]: String(revision), [POSITION_HEADER]: position } },
  )
}

function refused(revision: Revision = 0): never {
  const message =
    revision === 0
      ? "the condition failed: the entry is absent"
      : `the condition failed: the entry is at ${revision}`
  throw new RequestError("ERR_CONFLICT", message, {
    headers: { [REVISION_HEADER]: String(revision) },
    facts: { revision },
  })
}
