import { checkUrl, type HubTarget, hubTarget, topicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import type { TaskInput } from "./task-input.ts"

/** A hub, and a topic of it where one was named. */
export interface HubOrTopic {
  readonly hub: HubTarget
  readonly topic: string | undefined
}

/** Reads the first argument: a hub's URL, a topic in any of its forms, or nothing. */
export async function hubOrTopic(input: TaskInput, context: TaskContext): Promise<HubOrTopic> {
  const text = input.optional(0)
  if (text === undefined) return { hub: await hubTarget(input, context), topic: undefined }
  const isHub = /^https?:\/\//.test(text) && !/\/v1\/topics\/[^/]+\/?$/.test(text)
  if (!isHub) return topicTarget(text, input, context)
  const { hub } = await topicTarget(`${checkUrl(text, "URL")}/v1/topics/any`, input, context)
  return { hub, topic: undefined }
}
