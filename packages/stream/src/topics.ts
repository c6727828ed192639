import { booleanRule, checkOptions, TopicError } from "@headwater/core"
import type { SnapshotHandler } from "./shared-snapshot.ts"
import { TooManyError } from "./too-many-error.ts"

/** How a topic is registered. */
export interface TopicOptions {
  /** Whether somebody may subscribe to every subject of it at once; not by default. */
  readonly wildcard?: boolean
}

/** One life of a topic's state: from when it is registered, or replaced, until it is replaced. */
export interface TopicLife {
  /** What revisions are of. */
  readonly epoch: string
  /**
   * Whether an empty state, of revision 0, was told as of 1: whoever says 1 may then lack what 1
   * is. It outlives the buffers, as whoever was told so does.
   */
  wasToldEmpty: boolean
}

/** A topic that is registered. */
export interface Topic<Payload> {
  readonly handler: SnapshotHandler<Payload> | undefined
  readonly wildcard: boolean
  readonly life: TopicLife
}

/** The topics of a publisher, which come and go. Each life of each has an epoch of its own. */
export class Topics<Payload> {
  readonly #topics = new Map<string, Topic<Payload>>()
  readonly #topicsMax: number
  #epochs = 0

  constructor(topicsMax: number) {
    this.#topicsMax = topicsMax
  }

  /** How many there are. */
  get size(): number {
    return this.#topics.size
  }

  /**
   * @throws {TopicError} the name is empty, or registered already.
   * @throws {TooManyError} there are `topicsMax` of them.
   */
  register(
    name: string,
    handler: SnapshotHandler<Payload> | undefined,
    options: TopicOptions,
  ): void {
    checkOptions("register", options, { wildcard: booleanRule })
    const { wildcard = false } = options
    if (name === "") throw new TopicError("a topic has a name")
    if (this.#topics.has(name)) throw new TopicError(`topic ${name} is registered already`)
    if (this.#topics.size >= this.#topicsMax) throw new TooManyError("topics", this.#topicsMax)
    this.#topics.set(name, { handler, wildcard, life: this.#nextLife() })
  }

  /** Nothing happens if it is not there. */
  unregister(name: string): void {
    this.#topics.delete(name)
  }

  /** Which life a topic is in; `undefined` for one that is not registered. */
  lifeOf(name: string): TopicLife | undefined {
    return this.#topics.get(name)?.life
  }

  /** @throws {TopicError} there is no such topic. */
  get(name: string): Topic<Payload> {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw new TopicError(`no topic ${name}`)
    return topic
  }

  /**
   * The state of a topic, or of all, is another one from here on.
   *
   * @throws {TopicError} there is no such topic.
   */
  renew(name: string | undefined): void {
    const names = name === undefined ? [...this.#topics.keys()] : [name]
    for (const each of names) {
      this.#topics.set(each, { ...this.get(each), life: this.#nextLife() })
    }
  }

  #nextLife(): TopicLife {
    this.#epochs++
    return { epoch: String(this.#epochs), wasToldEmpty: false }
  }
}
