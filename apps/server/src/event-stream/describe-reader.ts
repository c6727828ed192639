import { formatPosition } from "@headwater/protocol"
import type { CatchUpCursor } from "../fan-out/catch-up-cursor.ts"
import type { FanOut } from "../fan-out/fan-out.ts"
import type { ReaderStream } from "./open-streams.ts"
import type { ReaderReport, ReaderStage } from "./reader-report.ts"
import type { ReaderRequest } from "./reader-request.ts"
import type { ReaderState } from "./reader-state.ts"

/** Returns the state of a reader on its connection; `ending` is the reason for which that ends. */
export function stageOf({ phase, isWhole }: ReaderState, ending: string | undefined): ReaderStage {
  if (phase === "ended" || ending !== undefined) return "leaving"
  if (phase === "waiting") return "waiting"
  return isWhole ? "following" : "catching-up"
}

/** Returns the facts of a reader as of now. */
export function describeReader(
  reader: ReaderStream,
  request: ReaderRequest,
  cursor: CatchUpCursor | undefined,
  { clock, limits }: FanOut,
): ReaderReport {
  const { topic, stage, stalledSince, openedAt, bytesSent } = reader
  const { revision } = reader.state
  const hasPosition = cursor !== undefined && revision > 0
  const isWhole = stage !== "waiting" && stage !== "catching-up"
  const now = clock.elapsed()
  const lagMs = Math.round(reader.lagMs)
  const stalledMs = Math.round(now - (stalledSince ?? now))
  return {
    topic,
    identity: request.session?.identity ?? null,
    address: request.peerAddress ?? null,
    view: { id: cursor?.viewId ?? "", prefixes: request.prefixes, keys: request.keys },
    policy: request.policy,
    state: stage,
    position: hasPosition ? formatPosition({ epoch: cursor.epoch, revision }) : null,
    lagRevisions: isWhole ? reader.lagRevisions : null,
    lagMs,
    stalledMs,
    bytes: bytesSent,
    since: new Date(clock.now() - (now - openedAt)).toISOString(),
    slow: Math.max(lagMs, stalledMs) > limits.heartbeatMs,
  }
}
