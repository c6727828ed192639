import { isSyncError, type SyncErrorCode } from "@headwater/core"
import type { Context } from "hono"
import type { HubObserver } from "../observe/hub-observer.ts"
import { knownSessionOf } from "./authenticate.ts"
import type { PeerBindings } from "./peer.ts"

/** Codes by which a request is refused for want of a grant. */
const REFUSED: readonly SyncErrorCode[] = [
  "ERR_UNAUTHENTICATED",
  "ERR_FORBIDDEN",
  "ERR_TOPIC_UNKNOWN",
]

/** Characters of a request's target in a record: it is the client's choice. */
const TARGET_CHARS_MAX = 1_024

/** Reports a request that was refused, with the client that sent it. */
export function auditRefusal({ req, env }: Context, error: unknown, observer: HubObserver): void {
  if (!isSyncError(error) || !REFUSED.includes(error.code)) return
  const { method, url } = req.raw
  const target = url.replace(/^[a-z]+:\/\/[^/]*/i, "").slice(0, TARGET_CHARS_MAX)
  const topic = /\/v1\/(?:topics|events)\/([^/?#]+)/.exec(target)?.[1]
  observer.onAudit?.({
    action: "refuse",
    code: error.code,
    identity: knownSessionOf(req.raw)?.identity,
    address: (env as PeerBindings | undefined)?.peerAddress,
    topic,
    request: `${method} ${target}`,
  })
}
