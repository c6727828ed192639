import type { Event } from "@headwater/core"
import type { StreamFrame, Subscription } from "../src/subscription.ts"

/** An event of topic `t`. */
export function event(revision: number, payload: string, subject = ""): Event<string> {
  return { topic: "t", subject, revision, payload }
}

/** A frame in one word: `reset`, `sync 3`, `a,b@4`, or, of subjects that have a name, `s:a@4`. */
export function show(frame: StreamFrame<string>): string {
  if (frame.type === "reset") return "reset"
  if (frame.type === "sync") return `sync ${frame.revision}`
  const events = frame.events.map(({ subject, payload }) =>
    subject === "" ? payload : `${subject}:${payload}`,
  )
  return `${events.join()}@${frame.revision}`
}

/** All frames that are there. */
export function read(subscription: Subscription<string>): string[] {
  const frames: string[] = []
  for (let frame = subscription.poll(); frame !== undefined; frame = subscription.poll()) {
    frames.push(show(frame))
  }
  return frames
}
