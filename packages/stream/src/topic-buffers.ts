import { EVERY_SUBJECT, type Subject } from "./subject.ts"
import { type Surroundings, TopicBuffer } from "./topic-buffer.ts"
import type { Topic } from "./topics.ts"

/**
 * The buffers that somebody listens to, by topic and subject. One exists from the first
 * subscription to the last, and with it goes its snapshot: so what is published where nobody
 * listens is dropped, and no snapshot leads to a trail that is not appended to.
 */
export class TopicBuffers<Payload> {
  readonly #surroundings: Surroundings<Payload>
  readonly #topics = new Map<string, Map<string, TopicBuffer<Payload>>>()
  #changes = 0

  constructor(surroundings: Surroundings<Payload>) {
    this.#surroundings = surroundings
  }

  /** Counts how often a buffer was opened or closed. */
  get changes(): number {
    return this.#changes
  }

  /** Where an event goes: to its subject's, and to that of all subjects, as far as they exist. */
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

  /** The buffer of a subject. Whoever asks subscribes to it. */
  open(of: Subject, topic: Topic<Payload>): TopicBuffer<Payload> {
    const open = this.#topics.get(of.topic)?.get(of.subject)
    if (open !== undefined) return open
    const buffer: TopicBuffer<Payload> = new TopicBuffer(of, topic, this.#surroundings, {
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

  #delete({ of: { topic, subject } }: TopicBuffer<Payload>): void {
    this.#changes++
    const subjects = this.#topics.get(topic)
    subjects?.delete(subject)
    if (subjects?.size === 0) this.#topics.delete(topic)
  }
}
