import { formatPosition, wireStatus } from "@headwater/protocol"
import type { Hono } from "hono"
import { RequestError, UnauthenticatedError } from "../../errors.ts"
import { partReport } from "../../fan-out/part-report.ts"
import { ViewGoneError } from "../../fan-out/view.ts"
import type { Hub } from "../../hub.ts"
import { sessionOf } from "../authenticate.ts"
import { block, readBlocking } from "../blocking.ts"
import { cutToGrant, type GrantedTopic, grantedTopic, seesWhole } from "../granted.ts"
import { jsonResponse } from "../json-response.ts"
import { readQuery } from "../query.ts"
import { allow } from "./allow.ts"

/**
 * `GET /v1/topics` and `GET /v1/topics/{topic}`: the state of all topics that are granted, or of
 * one; with `at-least`, once the topic of that position's epoch has reached it.
 */
export function topicsRoutes(app: Hono, hub: Hub): void {
  app.get("/v1/topics", async ({ req }) => {
    const blocking = readBlocking(readQuery(req.url, { "at-least": "once" }))
    const { atLeast } = blocking
    const session = sessionOf(req.raw)
    const topics = hub.topics.filter(({ name }) => session.on(name) !== undefined)
    if (session.isAnonymous && !session.isUnguarded && topics.length === 0) {
      throw new UnauthenticatedError("the topics of this hub need a token", false)
    }
    if (atLeast !== undefined) {
      const topic = topics.find(({ cache }) => cache.position?.epoch === atLeast.epoch)
      if (topic === undefined) {
        throw new RequestError(
          "ERR_EPOCH_CHANGED",
          `no topic of this hub is in epoch ${atLeast.epoch}`,
        )
      }
      await block(hub, topic, blocking, EVERYTHING, req.raw)
    }
    const all = topics.map(({ name }) => describe(grantedTopic(hub, req.raw, name)))
    return jsonResponse({ topics: await Promise.all(all) })
  })
  app.all("/v1/topics", allow("GET", "HEAD"))
  app.get("/v1/topics/:topic", async ({ req }) => {
    const granted = grantedTopic(hub, req.raw, req.param("topic"))
    const blocking = readBlocking(readQuery(req.url, { "at-least": "once" }))
    await block(hub, granted.topic, blocking, EVERYTHING, req.raw)
    return jsonResponse(await describe(granted))
  })
  app.all("/v1/topics/:topic", allow("GET", "HEAD"))
}

const EVERYTHING = { prefixes: [""], keys: [] }

// Before the source has been read once, a fact that is not known yet is `null`. A grant of a part
// hides the totals of the whole, and shows those of the part instead.
async function describe(granted: GrantedTopic) {
  const { topic, write } = granted
  const { cache, fanOut } = topic
  const { current, position, oldestPosition } = cache
  // The scheme alone: an address is the operator's.
  const [kind] = /^[a-z][\w+.-]*(?=:)/.exec(topic.source.name) ?? []
  const isWhole = seesWhole(granted)
  const sums = isWhole
    ? { entries: current?.snapshot.size ?? null, digest: current?.snapshot.digest ?? null }
    : await partSums(granted)
  return {
    topic: topic.name,
    ...(kind !== undefined && { source: kind }),
    values: topic.values,
    rules: topic.rules,
    epoch: position?.epoch ?? null,
    revision: position?.revision ?? null,
    position: position ? formatPosition(position) : null,
    ...sums,
    ...(isWhole && { bytes: current?.snapshot.bytes ?? null }),
    ...wireStatus(isWhole ? cache.report : partReport(cache.report)),
    ...(isWhole && { invalidSample: cache.invalidSample }),
    oldestPosition: oldestPosition ? formatPosition(oldestPosition) : null,
    ...(isWhole && { subscribers: fanOut.followers }),
    writable: topic.writable && write.type !== "nothing",
  }
}

const UNKNOWN = { entries: null, digest: null }

async function partSums(granted: GrantedTopic) {
  const { fanOut, values } = granted.topic
  fanOut.refresh()
  const { current, views } = fanOut
  if (granted.read.type === "nothing" || current === undefined) return UNKNOWN
  const view = views!.retain({ ...cutToGrant(granted, { prefixes: [], keys: [] }), values })
  try {
    return await view.sumsAt(current.pinned)
  } catch (error) {
    if (error instanceof ViewGoneError) return UNKNOWN
    throw error
  } finally {
    views!.release(view)
  }
}
