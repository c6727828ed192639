import {
  isSyncError,
  OutcomeUnknownError,
  type Position,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import { NotReadyError, RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { Topic } from "../topic.ts"

/**
 * Writes to the source of a topic, in one commit or not at all.
 *
 * @throws {RequestError} 405: the topic cannot be written.
 * @throws {SourceError} the source refused; nothing was written.
 * @throws {OutcomeUnknownError} no answer within `writeMs`: it may have been written.
 */
export async function writeTo(
  hub: Hub,
  topic: Topic,
  request: WriteRequest,
): Promise<WriteOutcome> {
  const { source } = topic
  checkWritable(topic)
  const late = new AbortController()
  const stopTimer = hub.clock.after(hub.limits.writeMs, () =>
    late.abort(new OutcomeUnknownError("the source did not answer in time")),
  )
  try {
    return await source.write!(request, late.signal)
  } catch (error) {
    // Once it was sent, anything but the source's own word leaves the outcome open.
    if (isSyncError(error)) throw error
    hub.log(`topic ${topic.name}: a write failed`, { error })
    throw new OutcomeUnknownError("the source did not answer", { cause: error })
  } finally {
    stopTimer()
  }
}

/** @throws {RequestError} 405: the topic cannot be written. */
export function checkWritable(topic: Topic): void {
  if (topic.writable) return
  throw new RequestError("ERR_NOT_WRITABLE", `topic ${topic.name} can only be read here`, {
    headers: { allow: "GET, HEAD" },
  })
}

/** The epoch of a write's answer. @throws {NotReadyError} the source was never read yet. */
export function epochOf(topic: Topic): string {
  return positionOf(topic).epoch
}

/** Where the topic is. @throws {NotReadyError} the source was never read yet. */
export function positionOf(topic: Topic): Position {
  const { position, report, wasInSync } = topic.cache
  if (position === undefined || !wasInSync)
    throw new NotReadyError(`topic ${topic.name} is ${report.status}`)
  return position
}
