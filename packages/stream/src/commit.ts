import { assert, type Event, isRevision, type Revision } from "@headwater/core"
import type { Codec } from "./codec.ts"
import type { PublishCounts } from "./observer.ts"
import { EVERY_SUBJECT } from "./subject.ts"
import type { EncodedEvent, TopicBuffer } from "./topic-buffer.ts"
import type { TopicBuffers } from "./topic-buffers.ts"

/**
 * The events of one commit, by where they go. Each payload is encoded once, and not at all where
 * nobody listens. Nothing is published before all of it is known to be right.
 */
export class Commit<Payload> {
  readonly revision: Revision
  readonly #events: readonly Event<Payload>[]
  readonly #groups = new Map<TopicBuffer<Payload>, EncodedEvent[]>()

  constructor(
    revision: Revision,
    events: readonly Event<Payload>[],
    { buffers, codec }: { buffers: TopicBuffers<Payload>; codec: Codec<Payload> },
  ) {
    assert(revision > 0 && isRevision(revision), "a commit has a revision")
    this.revision = revision
    this.#events = events
    for (const event of events) {
      assert(event.revision === revision, "events that are published together are of one commit")
      assert(event.subject !== EVERY_SUBJECT, "an event has one subject")
      this.#add(event, buffers.find(event), codec)
    }
    for (const { live } of this.#groups.keys()) {
      assert(revision > live.revision, "the revisions of a subject only rise")
    }
  }

  publish(): void {
    for (const [buffer, group] of this.#groups) buffer.publish(this.revision, group)
  }

  /** Of each topic, how many events there were, and how many nobody heard. */
  get counts(): ReadonlyMap<string, PublishCounts> {
    const heard = new Set<string>()
    for (const { of } of this.#groups.keys()) heard.add(`${of.topic}\u0000${of.subject}`)
    const counts = new Map<string, PublishCounts>()
    for (const { topic, subject } of this.#events) {
      const isHeard = [subject, EVERY_SUBJECT].some((each) => heard.has(`${topic}\u0000${each}`))
      const { events, dropped } = counts.get(topic) ?? { events: 0, dropped: 0 }
      counts.set(topic, { events: events + 1, dropped: dropped + (isHeard ? 0 : 1) })
    }
    return counts
  }

  #add(
    { subject, payload }: Event<Payload>,
    buffers: readonly TopicBuffer<Payload>[],
    codec: Codec<Payload>,
  ): void {
    if (buffers.length === 0) return
    const encoded = { subject, payload: codec.encode(payload) }
    for (const buffer of buffers) {
      const group = this.#groups.get(buffer)
      if (group === undefined) this.#groups.set(buffer, [encoded])
      else group.push(encoded)
    }
  }
}
