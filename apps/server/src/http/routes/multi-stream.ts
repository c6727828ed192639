import { isSyncError } from "@headwater/core"
import { encodeFrame, parseStreamId, recoveryOf, viewOf } from "@headwater/protocol"
import type { Hono } from "hono"
import { eventStream, type FrameSource } from "../../event-stream/event-stream.ts"
import { type Lane, Multiplexer } from "../../event-stream/multiplexer.ts"
import { retryDelayMs } from "../../event-stream/retry-delay.ts"
import type { Hub } from "../../hub.ts"
import { sessionOf } from "../authenticate.ts"
import { readBody } from "../body.ts"
import { checkContent } from "../content-type.ts"
import { cutToGrant, grantedTopic, seesWhole } from "../granted.ts"
import { type PeerBindings, peerOf } from "../peer.ts"
import { readQuery } from "../query.ts"
import { readViews, type ViewRequest, type ViewsRequest } from "../views-body.ts"
import { allow } from "./allow.ts"
import { checkView } from "./stream.ts"

/** The longest body: many views of ordinary filters. */
const VIEWS_BYTES_MAX = 262_144

/** `POST` or `QUERY /v1/stream`: several views, of any topics, on one connection. */
export function multiStreamRoutes(app: Hono, hub: Hub): void {
  app.on(["POST", "QUERY"], MULTI_STREAM_PATH, async ({ req, env }) => {
    readQuery(req.url, {})
    checkContent(req.raw.headers, "json")
    const request = readViews(await readBody(req.raw, VIEWS_BYTES_MAX, hub, sessionOf(req.raw)))
    const address = peerOf(env as PeerBindings)
    const from = { raw: req.raw, policy: request.policy, address }
    const lanes = request.views.map((view, n) => laneOf(hub, from, view, n))
    return eventStream(new Multiplexer(lanes), hub.random)
  })
  app.all(MULTI_STREAM_PATH, allow("POST", "QUERY"))
}

/** The path of the resource. */
export const MULTI_STREAM_PATH = "/v1/stream"

/** The parts of a request that its views have in common. */
interface LaneContext {
  readonly raw: Request
  readonly policy: ViewsRequest["policy"]
  readonly address: string | undefined
}

/**
 * Opens the stream of one view. What its own stream would refuse by a status is a `fault` here: the
 * other views go on.
 */
function laneOf(
  hub: Hub,
  { raw, policy, address }: LaneContext,
  { topic: name, prefixes, keys, id }: ViewRequest,
  n: number,
): Lane {
  try {
    const granted = grantedTopic(hub, raw, name)
    const { topic, session } = granted
    checkView({ prefixes, keys }, hub.limits)
    const filter = cutToGrant(granted, { prefixes, keys })
    const from = id === "" ? undefined : parseStreamId(id)
    const isPartial = !seesWhole(granted)
    const own = { from, isOwnId: true, policy, once: false, address, session, isPartial }
    const view = viewOf({ values: topic.values, ...filter })
    return { n, topic: name, view, source: topic.reader({ ...filter, ...own }) }
  } catch (error) {
    if (!isSyncError(error)) throw error
    const { code } = error
    const retryMs = retryDelayMs(0, hub.random())
    const fault = encodeFrame({ type: "fault", code, retry: recoveryOf(code), retryMs })
    return { n, topic: name, view: "", source: refused(fault) }
  }
}

/** A stream that ends with its first frame. */
function refused(fault: Uint8Array): FrameSource {
  return {
    async *frames() {
      yield fault
    },
    attach() {},
    leave() {},
    onCut() {},
  }
}
