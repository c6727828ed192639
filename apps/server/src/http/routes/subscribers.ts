import type { Hono } from "hono"
import { invalid, RequestError } from "../../errors.ts"
import type { ReaderStream } from "../../event-stream/open-streams.ts"
import type { Hub } from "../../hub.ts"
import { requireAdmin } from "../admin.ts"
import { sessionOf } from "../authenticate.ts"
import { inSlices } from "../in-slices.ts"
import { jsonResponse, jsonTextResponse } from "../json-response.ts"
import type { PeerBindings } from "../peer.ts"
import { one, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/** Readers in one answer, unless the request has a `limit`, and at the most. */
const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000

/** An answer of so many characters takes no further reader: a filter may have 12 KiB. */
const PAGE_CHARS_MAX = 1_048_576

/** Readers that one slice of work looks at. */
const SLICE = 64

/**
 * `GET /v1/topics/{topic}/subscribers`: the readers of a topic, in the order in which they came, by
 * pages. `DELETE …/subscribers/{id}`: ends the stream of one, which may come back.
 */
export function subscribersRoutes(app: Hono, hub: Hub): void {
  const path = "/v1/topics/:topic/subscribers"
  // A number alone would name another reader after a restart.
  const run = crypto.randomUUID().slice(0, 8)

  app.get(path, async (context) => {
    requireAdmin(context)
    const { req } = context
    const topic = hub.topic(req.param("topic"))
    const query = readQuery(req.url, { limit: "once", after: "once" })
    const limit = readLimit(one(query, "limit"))
    const id = one(query, "after")
    const after = id === undefined ? 0 : numberOf(id, run)
    if (after === undefined) {
      throw new RequestError(
        "ERR_PAGE_GONE",
        `${JSON.stringify(id)} is no id of this hub: list anew`,
      )
    }
    const readers = hub.streams.readersAfter(after)
    const page = pageOf(topic.name, readers, { limit, run })
    return jsonTextResponse(await inSlices(topic.fanOut.turns, page))
  })
  app.all(path, allow("GET", "HEAD"))

  app.delete(`${path}/:id`, (context) => {
    requireAdmin(context)
    const { req } = context
    const { name } = hub.topic(req.param("topic"))
    readQuery(req.url, {})
    const id = req.param("id")
    const reader = hub.streams.reader(numberOf(id, run) ?? 0)
    if (reader?.topic !== name) {
      const message = `topic ${name} has no subscriber ${JSON.stringify(id)}; it may have left`
      throw new RequestError("ERR_NOT_FOUND", message)
    }
    const { peerAddress: address } = (context.env ?? {}) as PeerBindings
    const { identity } = sessionOf(req.raw)
    hub.observer.onAudit?.({ action: "end-reader", identity, address, topic: name })
    hub.streams.dismiss(reader, "ended")
    return jsonResponse({ id }, { status: 202 })
  })
  app.all(`${path}/:id`, allow("DELETE"))
}

function readLimit(text: string | undefined): number {
  const limit = Number(text ?? LIMIT_DEFAULT)
  if (/^[1-9]\d{0,3}$/.test(text ?? "1") && limit <= LIMIT_MAX) return limit
  throw invalid(`limit is a number of subscribers from 1 to ${LIMIT_MAX}, not "${text}"`)
}

/** Returns the number in an id; `undefined` when the id is not of this run of the hub. */
function numberOf(id: string, run: string): number | undefined {
  const number = /^([0-9a-f]{8})-([1-9]\d{0,14})$/.exec(id)
  return number?.[1] === run ? Number(number[2]) : undefined
}

function* pageOf(
  topic: string,
  readers: Iterable<readonly [number, ReaderStream]>,
  { limit, run }: { readonly limit: number; readonly run: string },
): Generator<void, string> {
  const lines: string[] = []
  let chars = 0
  let looks = 0
  let last = ""
  for (const [number, reader] of readers) {
    if (++looks % SLICE === 0) yield
    if (reader.topic !== topic) continue
    if (lines.length === limit || chars > PAGE_CHARS_MAX) return answer(topic, lines, last)
    const { topic: _, ...report } = reader.report()
    last = `${run}-${number}`
    const line = JSON.stringify({ id: last, ...report })
    lines.push(line)
    chars += line.length
  }
  return answer(topic, lines)
}

function answer(topic: string, lines: readonly string[], next?: string): string {
  const end = next === undefined ? "" : `,"next":${JSON.stringify(next)}`
  return `{"topic":${JSON.stringify(topic)},"subscribers":[${lines.join(",")}]${end}}`
}
