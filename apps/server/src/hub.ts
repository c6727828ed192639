import { type Clock, OptionError, systemClock, TopicError } from "@headwater/core"
import { TOPIC_PATTERN } from "@headwater/protocol"
import { Bugs } from "./bugs.ts"
import { Drain } from "./drain/drain.ts"
import { Shedder } from "./drain/shedder.ts"
import { OpenStreams } from "./event-stream/open-streams.ts"
import { TurnScheduler } from "./fan-out/turn-scheduler.ts"
import { WalkLimiter } from "./fan-out/walk-limiter.ts"
import { checkHubOptions, checkTopicOptions, type HubOptions } from "./hub-options.ts"
import { FIXED_LIMITS, type HubLimits, limitsWith } from "./limits.ts"
import { consoleLog, guardedLog, type Log, rareLog } from "./log.ts"
import { EventLoopDelay } from "./observe/event-loop-delay.ts"
import { HubCounts } from "./observe/hub-counts.ts"
import type { HubObserver } from "./observe/hub-observer.ts"
import { joinObservers } from "./observe/observers.ts"
import { Topic, type TopicContext, type TopicOptions } from "./topic.ts"

/**
 * Makes a hub, which begins to read its sources at once. Close it.
 *
 * @throws {OptionError} an option is unknown, missing, or makes no sense.
 * @throws {TopicError} a topic's name is malformed, or given twice.
 */
export function createHub(options: HubOptions): Hub {
  return new Hub(options)
}

/**
 * A process's topics: it mirrors each source in memory, and streams it to readers.
 *
 * It has no HTTP: `createApp` serves it. Closing it sends every reader a goodbye.
 */
export class Hub {
  readonly clock: Clock
  readonly random: () => number
  /** Bounds in force: `setLimits` moves them. */
  readonly limits: HubLimits
  readonly compress: boolean
  readonly walkLimiter: WalkLimiter
  readonly streams: OpenStreams
  /** Brings the readers to other hubs before this one stops. */
  readonly drain: Drain
  readonly log: Log
  /** The log for lines that clients cause: the same line comes at most once a minute. */
  readonly rareLog: Log
  /** Counts the errors that are bugs of this hub. */
  readonly bugs: Bugs
  /** The counters behind `/metrics`. */
  readonly counts: HubCounts
  readonly eventLoopDelay: EventLoopDelay
  /** Takes the facts of each part: `counts`, and the observer of the options. */
  readonly observer: HubObserver
  readonly #topics = new Map<string, Topic>()
  readonly #context: TopicContext
  readonly #shedder: Shedder
  #closing: Promise<void> | undefined

  /** @throws {OptionError | TopicError} see `createHub`. */
  constructor(options: HubOptions) {
    checkHubOptions(options)
    this.limits = limitsWith(options.limits)
    this.clock = options.clock ?? systemClock
    this.random = options.random ?? Math.random
    this.compress = options.compress ?? false
    this.log = guardedLog(options.log ?? consoleLog)
    this.rareLog = rareLog(this.log, this.clock)
    this.bugs = new Bugs(this.log)
    this.counts = new HubCounts()
    this.eventLoopDelay = new EventLoopDelay(this.clock)
    this.observer = joinObservers(this.counts, options.observer ? [options.observer] : [])
    this.walkLimiter = new WalkLimiter(this.clock, this.limits)
    this.streams = new OpenStreams(this.clock, this.limits)
    this.drain = new Drain({
      clock: this.clock,
      streams: this.streams,
      plan: options.drain,
      log: this.log,
      observer: this.observer,
    })
    this.#shedder = new Shedder({
      clock: this.clock,
      streams: this.streams,
      limits: this.limits,
      random: this.random,
      log: this.rareLog,
    })
    const turns = new TurnScheduler(this.clock, this.limits.turnMs)
    const { clock, random, limits, walkLimiter, streams, log, bugs, observer } = this
    this.#context = { clock, random, limits, walkLimiter, streams, log, bugs, turns, observer }
    const names = new Set<string>()
    for (const { name } of options.topics) {
      checkTopicName(name)
      if (names.has(name)) throw new TopicError(`createHub: topic "${name}" is given twice`)
      names.add(name)
    }
    try {
      for (const topic of options.topics) this.#open(topic)
    } catch (error) {
      // Such as a cache limit that makes no sense: the topics before it already read their sources.
      this.close(0).catch((error) => this.log("closing a topic failed", { error }))
      throw error
    }
  }

  /** True from the order to drain or to close: the hub is not ready any more. */
  get isDraining(): boolean {
    return this.drain.phase !== "serving" || this.streams.isClosing
  }

  /** All topics, in the order of the options. */
  get topics(): readonly Topic[] {
    return [...this.#topics.values()]
  }

  /** Returns the topic of a name. @throws {TopicError} there is none. */
  topic(name: string): Topic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw this.unknownTopic(name)
    return topic
  }

  /** Returns the error for a name without a topic, also where a client may not learn of one. */
  unknownTopic(name: string): TopicError {
    return new TopicError(`there is no topic ${JSON.stringify(name)} on this hub`)
  }

  /**
   * Adds a topic, which begins to read its source at once. Other topics do not notice.
   *
   * @throws {OptionError} an option is unknown, missing, or makes no sense.
   * @throws {TopicError} the name is malformed or taken, or the hub is closing. The caller keeps
   *   the source.
   */
  addTopic(options: TopicOptions): Topic {
    checkTopicOptions("addTopic", options)
    const { name } = options
    checkTopicName(name)
    if (this.#topics.has(name)) throw new TopicError(`there is a topic "${name}" already`)
    if (this.#closing !== undefined) throw new TopicError("this hub is shutting down")
    return this.#open(options)
  }

  /**
   * Removes a topic: sends its readers a goodbye, waits at most `graceMs` until they have received
   * it, and closes its source. Other topics do not notice.
   *
   * @throws {TopicError} there is none.
   */
  async removeTopic(name: string, graceMs = 1_500): Promise<void> {
    const topic = this.topic(name)
    this.#topics.delete(name)
    await this.streams.endTopic(name, "shutdown", graceMs)
    await topic.close()
  }

  /**
   * Moves bounds of this hub. They hold at once; `heartbeatMs` holds for streams that begin later.
   * Those of `FIXED_LIMITS` cannot be moved, as streams, epochs and servers have them already.
   *
   * @throws {OptionError} a limit is unknown, cannot be moved, or is no sensible number.
   */
  setLimits(limits: Partial<HubLimits>): void {
    for (const name of FIXED_LIMITS) {
      if (limits[name] === undefined || limits[name] === this.limits[name]) continue
      throw new OptionError(name, `setLimits: ${name} cannot be changed while a hub runs`)
    }
    Object.assign(this.limits, limitsWith({ ...this.limits, ...limits }))
  }

  #open(options: TopicOptions): Topic {
    const topic = new Topic(options, this.#context)
    this.#topics.set(options.name, topic)
    return topic
  }

  /**
   * Sends every reader a goodbye, waits at most `graceMs` until they have received it, and frees
   * everything. A second call waits for the first one.
   */
  close(graceMs = 1_500): Promise<void> {
    this.#closing ??= this.#close(graceMs)
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    this.#shedder.close()
    this.drain.close()
    await this.streams.end("shutdown", graceMs, new AbortController().signal)
    await Promise.all(this.topics.map((topic) => topic.close()))
    this.eventLoopDelay.close()
  }
}

function checkTopicName(name: string): void {
  if (TOPIC_PATTERN.test(name)) return
  throw new TopicError(
    `createHub: ${JSON.stringify(name)} is no topic name: it has 1 to 128 of A-Z, a-z, 0-9, ` +
      "., _ and -, and begin with a letter or digit",
  )
}
