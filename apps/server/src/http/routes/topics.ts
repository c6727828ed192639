import { formatPosition, wireStatus } from "@headwater/protocol"
import type { Hono } from "hono"
import { RequestError } from "../../errors.ts"
import type { Hub } from "../../hub.ts"
import type { Topic } from "../../topic.ts"
import { block, readBlocking } from "../blocking.ts"
import { jsonResponse } from "../json-response.ts"
import { readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /v1/topics` and `GET /v1/topics/{topic}`: the state of all topics, or of one; with
 * `at-least`, once the topic of that position's epoch has reached it.
 *
 * @param anonymous access without a token: under `read` no topic is writable.
 */
export function topicsRoutes(app: Hono, hub: Hub, anonymous: "read" | "write"): void {
  app.get("/v1/topics", async ({ req }) => {
    const blocking = readBlocking(readQuery(req.url, { "at-least": "once" }))
    const { atLeast } = blocking
    if (atLeast !== undefined) {
      const topic = hub.topics.find(({ cache }) => cache.position?.epoch === atLeast.epoch)
      if (topic === undefined) {
        throw new RequestError(
          "ERR_EPOCH_CHANGED",
          `no topic of this hub is in epoch ${atLeast.epoch}`,
        )
      }
      await block(hub, topic, blocking, EVERYTHING, req.raw)
    }
    return jsonResponse({ topics: hub.topics.map((topic) => describe(topic, anonymous)) })
  })
  app.all("/v1/topics", allow("GET", "HEAD"))
  app.get("/v1/topics/:topic", async ({ req }) => {
    const blocking = readBlocking(readQuery(req.url, { "at-least": "once" }))
    const topic = hub.topic(req.param("topic"))
    await block(hub, topic, blocking, EVERYTHING, req.raw)
    return jsonResponse(describe(topic, anonymous))
  })
  app.all("/v1/topics/:topic", allow("GET", "HEAD"))
}

const EVERYTHING = { prefixes: [""], keys: [] }

// Before the source has been read once, a fact that is not known yet is `null`.
function describe(topic: Topic, anonymous: "read" | "write") {
  const { cache, fanOut } = topic
  const { current, position, oldestPosition } = cache
  return {
    topic: topic.name,
    values: topic.values,
    epoch: position?.epoch ?? null,
    revision: position?.revision ?? null,
    position: position ? formatPosition(position) : null,
    entries: current?.snapshot.size ?? null,
    bytes: current?.snapshot.bytes ?? null,
    digest: current?.snapshot.digest ?? null,
    ...wireStatus(cache.report),
    invalidSample: cache.invalidSample,
    oldestPosition: oldestPosition ? formatPosition(oldestPosition) : null,
    subscribers: fanOut.followers,
    writable: topic.writable && anonymous === "write",
  }
}
