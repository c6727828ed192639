import { assert, type Event, isRevision, type Revision } from "@headwater/core"
import { checkSubject, encodePayload, type PayloadCodec } from "./codec.ts"
import type { PublishCounts } from "./observer.ts"
import { EVERY_SUBJECT } from "./subject.ts"
import type { EncodedEvent, TopicBuffer } from "./topic-buffer.ts"
import type { TopicBuffers } from "./topic-buffers.ts"

/** The means to prepare a commit. */
export interface PreparedCommitContext<Payload> {
  readonly buffers: TopicBuffers<Payload>
  readonly codec: PayloadCodec<Payload>
  /** Returns whether an event may be published, once all payloads are encoded. All by default. */
  readonly isCurrent?: (event: Event<Payload>) => boolean
}

/**
 * The events of one commit, grouped by buffer. Each payload is encoded once, and not at all
 * when its subject has no subscribers.
 *
 * The codec is the caller's code: it may subscribe, close subscriptions, or publish. So all
 * payloads are encoded and the commit is checked first. `publish` calls no code but ours.
 */
export class PreparedCommit<Payload> {
  readonly revision: Revision
  readonly #events: readonly Event<Payload>[]
  readonly #encoded: (EncodedEvent | undefined)[] = []
  readonly #groups = new Map<TopicBuffer<Payload>, EncodedEvent[]>()

  constructor(
    revision: Revision,
    events: readonly Event<Payload>[],
    context: PreparedCommitContext<Payload>,
  ) {
    assert(revision > 0 && isRevision(revision), "a commit has a revision")
    this.revision = revision
    // A copy, which the codec cannot change.
    this.#events = [...events]
    for (const event of this.#events) {
      assert(event.revision === revision, "events that are published together are of one commit")
      assert(event.subject !== EVERY_SUBJECT, "an event has one subject")
      assert(typeof event.subject === "string", "an event has a subject, which may be empty")
    }
    this.#group(context)
    for (const { live } of this.#groups.keys()) {
      assert(revision > live.revision, "the revisions of a subject only rise")
    }
  }

  /** Appends each group to its buffer. */
  publish(): void {
    for (const [buffer, group] of this.#groups) buffer.publish(this.revision, group)
  }

  /** The counts of events by topic. */
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

  // Groups once more when the codec opened or closed a buffer. It is called once for each event, so
  // that comes to an end.
  #group({ buffers, codec, isCurrent }: PreparedCommitContext<Payload>): void {
    let changes: number
    do {
      changes = buffers.changes
      this.#groups.clear()
      for (let index = 0; index < this.#events.length; index++) {
        const event = this.#events[index]!
        if (isCurrent === undefined || isCurrent(event)) this.#add(index, event, buffers, codec)
      }
    } while (buffers.changes !== changes)
  }

  #add(
    index: number,
    event: Event<Payload>,
    buffers: TopicBuffers<Payload>,
    codec: PayloadCodec<Payload>,
  ): void {
    const found = buffers.find(event)
    if (found.length === 0) return
    let encoded = this.#encoded[index]
    if (encoded === undefined) {
      encoded = { subject: event.subject, payload: encodePayload(codec, event.payload) }
      this.#encoded[index] = encoded
    }
    for (const buffer of found) {
      if (buffer.of.subject === EVERY_SUBJECT) checkSubject(event.subject)
      const group = this.#groups.get(buffer)
      if (group === undefined) this.#groups.set(buffer, [encoded])
      else group.push(encoded)
    }
  }
}
