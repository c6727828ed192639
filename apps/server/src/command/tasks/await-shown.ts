import { askHub, HubAnswerError } from "./hub-request.ts"
import type { TopicTarget } from "./hub-target.ts"
import { say, type TaskContext } from "./task-context.ts"

/**
 * Waits until the hub shows what it has written, so that the next command sees it: a hub
 * answers a write once its source has stored it, and reads it back a moment later.
 *
 * A hub that does not come to show it is said to the person: the write is stored all the same.
 */
export async function awaitShown(
  { hub, topic }: TopicTarget,
  position: string,
  context: TaskContext,
): Promise<void> {
  try {
    const path = `/v1/topics/${topic}?at-least=${encodeURIComponent(position)}`
    await (await askHub(context, hub, path)).arrayBuffer()
  } catch (error) {
    // A token that may write and not read is refused here.
    if (!(error instanceof HubAnswerError)) throw error
    if (error.code !== "ERR_TIMEOUT") return
    await say(context, `stored at ${position}, which the hub does not show yet: ${error.message}`)
  }
}
