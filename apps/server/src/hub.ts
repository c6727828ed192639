import { type Clock, systemClock, TopicError } from "@headwater/core"
import { TOPIC_PATTERN } from "@headwater/protocol"
import { Bugs } from "./bugs.ts"
import { Drain } from "./event-stream/drain.ts"
import { Crowd } from "./fan-out/crowd.ts"
import { Turns } from "./fan-out/turns.ts"
import { HUB_LIMITS, type HubLimits } from "./limits.ts"
import { consoleLog, type Log } from "./log.ts"
import { Topic, type TopicOptions } from "./topic.ts"

/** What a hub is made with. */
export interface HubOptions {
  /** In the order in which they are listed; names are unique. */
  readonly topics: readonly TopicOptions[]
  /** The machine's unless a test owns time. */
  readonly clock?: Clock
  /** Numbers from 0 to below 1, for jitter; not for secrets. */
  readonly random?: () => number
  readonly limits?: Partial<HubLimits>
  /**
   * Whether streams go out in gzip to who accepts it; no by default. Each event is compressed once
   * for all its readers. What is secret and what a stranger writes should then not be entries of
   * one topic: who sees the length of encrypted frames may guess the one by the other.
   */
  readonly compress?: boolean
  /** The console's error stream unless said otherwise. */
  readonly log?: Log
}

/** Makes a hub, which begins to read its sources at once. Close it. */
export function createHub(options: HubOptions): Hub {
  return new Hub(options)
}

/**
 * Serves topics: mirrors each source in memory, and has readers follow it.
 *
 * It knows no HTTP: `createApp` puts it on the web. Closing it says goodbye to every reader.
 */
export class Hub {
  readonly clock: Clock
  readonly random: () => number
  readonly limits: HubLimits
  readonly compress: boolean
  readonly crowd: Crowd
  readonly drain: Drain
  readonly log: Log
  /** Counts the errors that are bugs of this hub. */
  readonly bugs: Bugs
  readonly #topics = new Map<string, Topic>()
  #closing: Promise<void> | undefined

  /** @throws {TopicError} a name that cannot be one, or that is given twice. */
  constructor(options: HubOptions) {
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? Math.random
    this.limits = { ...HUB_LIMITS, ...options.limits }
    this.compress = options.compress ?? false
    this.log = options.log ?? consoleLog
    this.bugs = new Bugs(this.log)
    this.crowd = new Crowd(this.clock, this.limits)
    this.drain = new Drain(this.clock, this.limits)
    const turns = new Turns(this.clock, this.limits.turnMs)
    const { clock, random, limits, crowd, drain, log, bugs } = this
    const host = { clock, random, limits, crowd, drain, log, bugs, turns }
    const names = new Set<string>()
    for (const { name } of options.topics) {
      if (!TOPIC_PATTERN.test(name)) throw new TopicError(`"${name}" is no name for a topic`)
      if (names.has(name)) throw new TopicError(`topic "${name}" is given twice`)
      names.add(name)
    }
    for (const topic of options.topics) this.#topics.set(topic.name, new Topic(topic, host))
  }

  /** In the order given. */
  get topics(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  /** @throws {TopicError} there is none of that name. */
  topic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic === undefined)
      throw new TopicError(`there is no topic ${JSON.stringify(name)} on this hub`)
    return topic
  }

  /**
   * Says goodbye to every reader, waits at most `graceMs` for them to take it, and frees
   * everything. Calling it again waits for the first call.
   */
  close(graceMs = 1_500): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    await this.drain.end("shutdown", graceMs, new AbortController().signal)
    await Promise.all(this.topics.map((topic) => topic.close()))
  }
}
