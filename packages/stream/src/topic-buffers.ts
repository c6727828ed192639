import { assert } from "@headwater/core"
import { EVERY_SUBJECT, type Subject } from "./subject.ts"
import { type PublisherContext, TopicBuffer } from "./topic-buffer.ts"
import type { RegisteredTopic } from "./topics.ts"

/**
 * The buffers with subscribers, by topic and subject. A buffer exists from the first subscription
 * to the last, and its snapshot goes with it. So events without subscribers are dropped, and no
 * snapshot leads to a trail that is not appended to.
 */
export class TopicBuffers<Payload> {
  readonly #context: PublisherContext<Payload>
  readonly #topics = new Map<string, Map<string, TopicBuffer<Payload>>>()
  #changes = 0

  constructor(context: PublisherContext<Payload>) {
    this.#context = context
  }

  /** Counts how often a buffer was opened or closed. */
  get changes(): number {
    return this.#changes
  }

  /** The buffers of an event that exist: its subject's, and that of all subjects. */
  find({ topic, subject }: Subject): readonly TopicBuffer<Payload>[] {
    const subjects = this.#topics.get(topic)
    if (subjects === undefined) return []
    const found: TopicBuffer<Payload>[] = []
    const named = subjects.get(subject)
    if (named !== undefined) found.push(named)
    const every = subjects.get(EVERY_SUBJECT)
    if (every !== undefined) found.push(every)
    return found
  }

  /** The buffer of a subject, made if there is none. The caller subscribes to it. */
  open(of: Subject, topic: RegisteredTopic<Payload>): TopicBuffer<Payload> {
    const open = this.#topics.get(of.topic)?.get(of.subject)
    if (open !== undefined) return open
    const buffer: TopicBuffer<Payload> = new TopicBuffer(of, topic, this.#context, {
      onUnused: () => this.#delete(buffer),
      onFull: () => {
        for (const each of this.of(undefined)) each.yieldMemory()
      },
    })
    this.#changes++
    const subjects = this.#topics.get(of.topic)
    if (subjects === undefined) this.#topics.set(of.topic, new Map([[of.subject, buffer]]))
    else subjects.set(of.subject, buffer)
    return buffer
  }

  /** All of a topic, or all. */
  of(topic: string | undefined): readonly TopicBuffer<Payload>[] {
    if (topic !== undefined) return [...(this.#topics.get(topic)?.values() ?? [])]
    return [...this.#topics.values()].flatMap((subjects) => [...subjects.values()])
  }

  /** Asserts what must hold between two calls: see `EventPublisher.assertInvariants`. */
  assertInvariants(): void {
    for (const [topic, subjects] of this.#topics) {
      assert(subjects.size > 0, "a topic in the table has buffers")
      for (const [subject, buffer] of subjects) {
        const isAt = buffer.of.topic === topic && buffer.of.subject === subject
        assert(isAt, "a buffer is found by its subject")
        buffer.assertInvariants()
      }
    }
  }

  #delete({ of: { topic, subject } }: TopicBuffer<Payload>): void {
    this.#changes++
    const subjects = this.#topics.get(topic)
    subjects?.delete(subject)
    if (subjects?.size === 0) this.#topics.delete(topic)
  }
}
