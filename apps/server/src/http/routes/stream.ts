import { encodeUtf8 } from "@headwater/core"
import { parseStreamId, type StreamId, type ViewFilter } from "@headwater/protocol"
import type { Hono } from "hono"
import { countedIdentity } from "../../access/session.ts"
import { invalid } from "../../errors.ts"
import { eventStream } from "../../event-stream/event-stream.ts"
import { acceptsGzip } from "../../event-stream/gzip/accepts-gzip.ts"
import { GzipSource } from "../../event-stream/gzip/gzip-source.ts"
import type { ReaderRequest } from "../../event-stream/reader-request.ts"
import type { Hub } from "../../hub.ts"
import type { HubLimits } from "../../limits.ts"
import type { Topic } from "../../topic.ts"
import { cutToGrant, FILTER_BYTES_MAX, grantedTopic, seesWhole } from "../granted.ts"
import { type PeerBindings, peerOf } from "../peer.ts"
import { checkKey, one, type Query, readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/** `GET /v1/topics/{topic}/stream`: a snapshot, then every change, as server-sent events. */
export function streamRoutes(app: Hono, hub: Hub): void {
  const path = "/v1/topics/:topic/stream"
  app.get(path, ({ req, env }) => {
    const granted = grantedTopic(hub, req.raw, req.param("topic"))
    const { topic, session } = granted
    const query = readQuery(req.url, {
      prefix: hub.limits.filtersMax,
      key: hub.limits.filtersMax,
      since: "once",
      policy: "once",
      once: "once",
    })
    const lastEventId = req.header("last-event-id")
    const { peerAddress } = (env ?? {}) as PeerBindings
    const address = peerOf({ peerAddress })
    const asked = readRequest(query, lastEventId, hub.limits)
    const request = {
      ...asked,
      ...cutToGrant(granted, { prefixes: asked.prefixes, keys: asked.keys }),
      address,
      peerAddress,
      session,
      identity: countedIdentity(session),
      isPartial: !seesWhole(granted),
    }
    // An EventSource would reconnect for ever; after a 204 it does not.
    if (request.once && lastEventId) return new Response(null, { status: 204 })
    const response = answer(hub, topic, request, req.header("accept-encoding"))
    return req.raw.method === "HEAD" ? headOf(response) : response
  })
  app.all(path, allow("GET", "HEAD"))
}

function answer(
  { compress, random }: Hub,
  topic: Topic,
  request: ReaderRequest,
  acceptEncoding: string | undefined,
): Response {
  const reader = topic.reader(request)
  if (!compress) return eventStream(reader, random)
  const vary = { vary: "accept-encoding" }
  if (!acceptsGzip(acceptEncoding)) return eventStream(reader, random, vary)
  const source = new GzipSource(reader, topic.fanOut.turns)
  return eventStream(source, random, { ...vary, "content-encoding": "gzip" })
}

function readRequest(
  query: Query,
  lastEventId: string | undefined,
  limits: HubLimits,
): ReaderRequest {
  const prefixes = query.get("prefix") ?? []
  const keys = query.get("key") ?? []
  checkView({ prefixes, keys }, limits)
  const policy = one(query, "policy") ?? "conflate"
  if (policy !== "conflate" && policy !== "disconnect") {
    throw invalid(`policy is conflate or disconnect, not ${JSON.stringify(policy)}`)
  }
  const once = one(query, "once") ?? "0"
  if (once !== "0" && once !== "1") throw invalid(`once is 0 or 1, not ${JSON.stringify(once)}`)
  const own = parseId(lastEventId)
  const from = own ?? parseId(one(query, "since"))
  return { prefixes, keys, from, isOwnId: own !== undefined, policy, once: once === "1" }
}

/** Checks the filter of a view. @throws {KeyError | RequestError} 400. */
export function checkView({ prefixes, keys }: ViewFilter, limits: HubLimits): void {
  for (const key of keys) checkKey(key)
  for (const prefix of prefixes) if (prefix !== "") checkKey(prefix)
  const bytes = encodeUtf8([...prefixes, ...keys].join("")).length
  if (prefixes.length + keys.length <= limits.filtersMax && bytes <= FILTER_BYTES_MAX) return
  throw invalid(
    `at most ${limits.filtersMax} prefixes and keys, of ${FILTER_BYTES_MAX} bytes together`,
  )
}

// An empty id is the same as none: an EventSource without an id sends no header, but tools send "".
function parseId(text: string | undefined): StreamId | undefined {
  return text === undefined || text === "" ? undefined : parseStreamId(text)
}

function headOf(response: Response): Response {
  response.body?.cancel().catch(() => {}) // It was never read, so there is nothing to end.
  return new Response(null, { headers: response.headers })
}
