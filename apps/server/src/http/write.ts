import {
  isSyncError,
  OutcomeUnknownError,
  type WriteOutcome,
  type WriteRequest,
  withDeadline,
} from "@headwater/core"
import { checkRoom } from "../check-room.ts"
import { RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { WriteResult } from "../observe/hub-observer.ts"
import type { Topic } from "../topic.ts"

/**
 * Writes to the source of a topic: all changes in one commit, or none.
 *
 * @throws {RequestError} 405: the topic cannot be written.
 * @throws {MemoryFullError} the topic has no room for more; nothing was written.
 * @throws {SourceError} the source refused; nothing was written.
 * @throws {OutcomeUnknownError} no answer within `writeMs`: the write may have happened.
 */
export async function writeTo(
  hub: Hub,
  topic: Topic,
  request: WriteRequest,
): Promise<WriteOutcome> {
  checkWritable(topic)
  checkRoom(topic.cache, request.changes)
  topic.quota.check(request.changes, undefined)
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
    if (outcome.written) topic.quota.note(request.changes, undefined, outcome.revision)
    return outcome
  } catch (error) {
    const isKnown = isSyncError(error) && error.code !== "ERR_OUTCOME_UNKNOWN"
    report(isKnown ? "failed" : "unknown")
    // Once the write was sent, only an error of the source itself says that nothing was written.
    if (isSyncError(error)) throw error
    rareLog(`topic ${topic.name}: a write failed, outcome unknown`, { error })
    throw new OutcomeUnknownError("the source did not answer", { cause: error })
  }
}

/** @throws {RequestError} 405: the topic cannot be written. */
export function checkWritable(topic: Topic): void {
  if (topic.writable) return
  throw new RequestError("ERR_NOT_WRITABLE", `topic ${topic.name} is read-only on this hub`, {
    headers: { allow: "GET, HEAD" },
  })
}
