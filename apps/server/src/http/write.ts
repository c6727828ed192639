import {
  isSyncError,
  OutcomeUnknownError,
  type WriteOutcome,
  type WriteRequest,
  withDeadline,
} from "@headwater/core"
import { countedIdentity, type Session } from "../access/session.ts"
import { checkRoom } from "../check-room.ts"
import { RequestError, UnauthenticatedError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { WriteResult } from "../observe/hub-observer.ts"
import type { Topic } from "../topic.ts"
import type { GrantedTopic } from "./granted.ts"
import type { PeerBindings } from "./peer.ts"

/** The topic of a write, and the client that writes. */
export interface TopicWriter {
  readonly hub: Hub
  readonly topic: Topic
  readonly session: Session
  /** Of the peer, where it is known. */
  readonly address: string | undefined
}

/**
 * Writes to the source of a topic: all changes in one commit, or none.
 *
 * @throws {RequestError} 405: the topic cannot be written.
 * @throws {MemoryFullError} the topic has no room for more; nothing was written.
 * @throws {QuotaError} the topic, or the identity, may not have more; nothing was written.
 * @throws {UnauthenticatedError} the grant has ended.
 * @throws {SourceError} the source refused; nothing was written.
 * @throws {OutcomeUnknownError} no answer within `writeMs`: the write may have happened.
 */
export async function writeTo(writer: TopicWriter, request: WriteRequest): Promise<WriteOutcome> {
  const { hub, topic, session } = writer
  checkWritable(topic)
  if (session.hasEnded(hub.clock.now())) {
    throw new UnauthenticatedError("the grant of this request has ended")
  }
  checkRoom(topic.cache, request.changes)
  const identity = countedIdentity(session)
  topic.quota.check(request.changes, identity)
  const { clock, limits, rareLog, observer } = hub
  const began = clock.elapsed()
  const report = (result: WriteResult) => {
    const durationMs = clock.elapsed() - began
    const changes = request.changes.length
    observer.onWrite?.({ topic: topic.name, result, changes, durationMs })
  }
  const errorOf = () =>
    new OutcomeUnknownError(`the source did not answer the write within ${limits.writeMs} ms`)
  const deadline = { clock, timeoutMs: limits.writeMs, errorOf }
  try {
    const outcome = await withDeadline(deadline, [], (late) => topic.source.write!(request, late))
    report(outcome.written ? "written" : "conflict")
    if (outcome.written) {
      topic.quota.note(request.changes, identity, outcome.revision)
      audit(writer, request, outcome.revision)
    }
    return outcome
  } catch (error) {
    const isKnown = isSyncError(error) && error.code !== "ERR_OUTCOME_UNKNOWN"
    report(isKnown ? "failed" : "unknown")
    // Once the write was sent, only an error of the source itself says that nothing was written.
    if (isSyncError(error)) throw error
    rareLog("a write failed, outcome unknown", { topic: topic.name, error }, "warn")
    throw new OutcomeUnknownError("the source did not answer", { cause: error })
  }
}

/** Returns the writer behind a request. `env` is Hono's. */
export function writerOf(hub: Hub, { topic, session }: GrantedTopic, env: unknown): TopicWriter {
  return { hub, topic, session, address: (env as PeerBindings | undefined)?.peerAddress }
}

function audit(
  { hub, topic, session, address }: TopicWriter,
  request: WriteRequest,
  revision: number,
) {
  const keys = request.changes.map(({ key }) => key)
  const { identity } = session
  hub.observer.onAudit?.({ action: "write", identity, address, topic: topic.name, keys, revision })
}

/** @throws {RequestError} 405: the topic cannot be written. */
export function checkWritable(topic: Topic): void {
  if (topic.writable) return
  throw new RequestError("ERR_NOT_WRITABLE", `topic ${topic.name} is read-only on this hub`, {
    headers: { allow: "GET, HEAD" },
  })
}
