import { statusKeyOf } from "@headwater/cache"
import { isSyncError, type SyncErrorCode } from "@headwater/core"
import {
  encodeDeltaFrame,
  encodeFrame,
  type GoodbyeReason,
  PROTOCOL_VERSION,
  recoveryOf,
} from "@headwater/protocol"
import type { CatchUpCursor } from "../fan-out/catch-up-cursor.ts"
import type { ReaderContext, ReaderRequest } from "./reader-request.ts"
import type { Order } from "./reader-state.ts"
import { leavingDelayMs, retryDelayMs } from "./retry-delay.ts"

/** Ends that many readers meet at once. */
const SHARED_REASONS: ReadonlySet<GoodbyeReason | SyncErrorCode> = new Set([
  "shutdown",
  "draining",
  "auth-changed",
  "ERR_NOT_READY",
  "ERR_TOO_MANY",
] as const)

/**
 * Encodes a frame that a reader is to be sent. What many readers are sent is encoded once.
 *
 * @param of.cursor of the reader, from `hello` on.
 */
export function encodeOrder(
  order: Exclude<Order, { type: "comment" }>,
  context: ReaderContext,
  of: { readonly request: ReaderRequest; readonly cursor: CatchUpCursor | undefined },
): Uint8Array {
  const { frames } = context.fanOut
  switch (order.type) {
    case "bytes":
      return order.bytes
    case "closing-delta":
      return encodeDeltaFrame(new Uint8Array(), order.at.revision, order.at.id)
    case "hello":
      return encodeHello(context, of.request, of.cursor!, order.start.version > 0)
    case "reset": {
      const { epoch } = of.cursor!
      return encodeFrame({ type: "reset", reason: order.reason, epoch, id: `${epoch}.0` })
    }
    case "sync": {
      const { revision, id } = order.at
      const { viewNumber, held } = of.cursor!
      return frames.share(`sync|${viewNumber}|${held}|${id}`, () =>
        encodeFrame({ type: "sync", revision, ...order.sums, id }),
      )
    }
    case "status": {
      const { report } = order
      const key = `status|${statusKeyOf(report)}|${report.statusSince}|${report.lastContact}`
      return frames.share(key, () => encodeFrame({ type: "status", report }))
    }
    case "goodbye": {
      const { reason, id } = order
      const retryMs = retryMsFor(reason, context)
      return encodeFrame({ type: "goodbye", reason, retryMs, ...(id !== undefined && { id }) })
    }
    case "fault":
      return encodeFault(order.error, context)
  }
}

function encodeHello(
  { topic, fanOut }: ReaderContext,
  { policy }: ReaderRequest,
  { epoch, viewId: view, terms: filter }: CatchUpCursor,
  resumed: boolean,
): Uint8Array {
  const { values } = fanOut
  const { heartbeatMs, frameBytesMax } = fanOut.limits
  const protocol = PROTOCOL_VERSION
  const terms = {
    protocol,
    topic,
    epoch,
    values,
    view,
    ...(filter && { filter }),
    heartbeatMs,
    frameBytesMax,
    resumed,
    policy,
  }
  return encodeFrame({ type: "hello", ...terms })
}

// A code is told, and nothing else of an error: its text may be of use to an attacker.
function encodeFault(error: unknown, context: ReaderContext): Uint8Array {
  const code: SyncErrorCode = isSyncError(error) ? error.code : "ERR_INTERNAL"
  const retry = recoveryOf(code)
  const { topic, log, bugs, observer } = context
  observer.onRefusal?.({ at: "stream", code })
  if (code === "ERR_INTERNAL") bugs.report("a stream failed", error, { topic })
  else if (retry !== "retry") log("a stream failed", { topic, error })
  return encodeFrame({ type: "fault", code, retry, retryMs: retryMsFor(code, context) })
}

function retryMsFor(
  why: GoodbyeReason | SyncErrorCode,
  { streams, random }: ReaderContext,
): number {
  const readers = SHARED_REASONS.has(why) ? streams.leaving : 0
  // A reader that comes while the hub drains has been sent to the wrong hub.
  const isLeaving = why === "rebalancing" || streams.isDraining
  return isLeaving ? leavingDelayMs(readers, random()) : retryDelayMs(readers, random())
}
