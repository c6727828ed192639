import type { Revision } from "./revision.ts"

/**
 * One change, published on a topic at a revision.
 *
 * Events of one commit are published together and seen together. The payload is shared by all
 * subscribers and never mutated. Source: Consul `stream.Event`.
 */
export interface Event<Payload = unknown> {
  readonly topic: string
  /** The part of the topic that this event belongs to; `""` where the topic is not divided. */
  readonly subject: string
  readonly revision: Revision
  readonly payload: Payload
}
