import { booleanRule, checkOptions, TopicError } from "@headwater/core"
import { PublisherFullError } from "./publisher-full-error.ts"
import type { SnapshotHandler } from "./shared-snapshot.ts"

/** The options of a topic. */
export interface RegisterOptions {
  /** Allows subscriptions to every subject of it at once; not by default. */
  readonly wildcard?: boolean
}

/** The epoch of a topic's state, from its registration or replacement to the next one. */
export interface TopicEpoch {
  readonly name: string
  /**
   * An empty state, of revision 0, was sent as of 1: a subscriber with 1 may then lack the event of
   * revision 1. It outlives the buffers, as such subscribers do.
   */
  hasSentEmpty: boolean
}

/** A topic that is registered. */
export interface RegisteredTopic<Payload> {
  readonly handler: SnapshotHandler<Payload> | undefined
  readonly wildcard: boolean
  readonly epoch: TopicEpoch
}

/** The topics of a publisher, which come and go. Each replacement of a state begins an epoch. */
export class Topics<Payload> {
  readonly #topics = new Map<string, RegisteredTopic<Payload>>()
  readonly #topicsMax: number
  #epochs = 0

  constructor(topicsMax: number) {
    this.#topicsMax = topicsMax
  }

  /** The number of topics. */
  get size(): number {
    return this.#topics.size
  }

  /**
   * @throws {TopicError} the name is empty, or registered already.
   * @throws {PublisherFullError} there are `topicsMax` of them.
   */
  register(
    name: string,
    handler: SnapshotHandler<Payload> | undefined,
    options: RegisterOptions,
  ): void {
    checkOptions("register", options, { wildcard: booleanRule })
    const { wildcard = false } = options
    if (name === "") throw new TopicError("a topic has a name")
    if (this.#topics.has(name)) throw new TopicError(`topic ${name} is registered already`)
    if (this.#topics.size >= this.#topicsMax)
      throw new PublisherFullError("topics", this.#topicsMax)
    this.#topics.set(name, { handler, wildcard, epoch: this.#nextEpoch() })
  }

  /** Nothing happens if it is not there. */
  unregister(name: string): void {
    this.#topics.delete(name)
  }

  /** The epoch of a topic; `undefined` for one that is not registered. */
  epochOf(name: string): TopicEpoch | undefined {
    return this.#topics.get(name)?.epoch
  }

  /** @throws {TopicError} there is no such topic. */
  get(name: string): RegisteredTopic<Payload> {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new TopicError(`no topic ${name}`)
    return topic
  }

  /**
   * Begins a new epoch of a topic, or of all: its state was replaced.
   *
   * @throws {TopicError} there is no such topic.
   */
  renew(name: string | undefined): void {
    const names = name === undefined ? [...this.#topics.keys()] : [name]
    for (const each of names) {
      this.#topics.set(each, { ...this.get(each), epoch: this.#nextEpoch() })
    }
  }

  #nextEpoch(): TopicEpoch {
    this.#epochs++
    return { name: String(this.#epochs), hasSentEmpty: false }
  }
}
