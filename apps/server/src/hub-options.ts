import {
  booleanRule,
  type Clock,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  OptionError,
  type OptionRule,
  type OptionRules,
  objectRule,
  oneOfRule,
  required,
  type Source,
  textRule,
} from "@headwater/core"
import type { DrainPlan } from "./drain/drain-state.ts"
import type { HubLimits } from "./limits.ts"
import type { Log } from "./log.ts"
import type { HubObserver } from "./observe/hub-observer.ts"
import type { TopicOptions } from "./topic.ts"

/** Options of `createHub`. */
export interface HubOptions {
  /** At least one, in the order in which they are listed; names are unique. */
  readonly topics: readonly TopicOptions[]
  /** The machine's clock by default; tests pass a manual one. */
  readonly clock?: Clock
  /** Returns numbers from 0 to below 1, for jitter; `Math.random` by default. Not for secrets. */
  readonly random?: () => number
  /**
   * Times of a drain: see `Hub.drain`. Absent, the hub is taken for the only one of its sources:
   * readers are told to wait for its return.
   */
  readonly drain?: Partial<DrainPlan>
  /** Bounds that differ from `HUB_LIMITS`. */
  readonly limits?: Partial<HubLimits>
  /**
   * Sends streams in gzip to readers that accept it; no by default. Each event is compressed once
   * for all its readers. Do not put a secret entry and entries of strangers into one topic then: an
   * observer of the length of encrypted frames may guess the one by means of the others.
   */
  readonly compress?: boolean
  /** Gets the facts that the hub counts, such as refusals, as they happen. */
  readonly observer?: HubObserver
  /** Gets log lines; the console's error stream by default. Its errors are dropped. */
  readonly log?: Log
}

/**
 * Checks the options of `createHub`, and of each topic, except for the values of limits.
 *
 * @throws {OptionError} an option is unknown, missing, or makes no sense.
 */
export function checkHubOptions(options: HubOptions): void {
  checkOptions("createHub", options, HUB_RULES)
  checkOptions("createHub: drain", options.drain ?? {}, DRAIN_RULES)
  for (const [index, topic] of options.topics.entries()) {
    checkTopicOptions(`createHub: topics[${index}]`, topic)
  }
}

/** Checks the options of one topic. @throws {OptionError} */
export function checkTopicOptions(where: string, topic: TopicOptions): void {
  checkOptions(where, topic, TOPIC_RULES)
  if (topic.cache !== undefined && "valueBytesMax" in topic.cache) {
    const what = `${where}: cache: valueBytesMax`
    throw new OptionError("valueBytesMax", `${what} is not taken: set limits.valueBytesMax`)
  }
}

const topicsRule: OptionRule = {
  allowed: "an array of at least one topic",
  test: (value) => Array.isArray(value) && value.length > 0,
}

/** Methods without which an object is no source; `write` and others are optional. */
const SOURCE_METHODS = ["identity", "revision", "list", "watch", "close"] as const

const sourceRule: OptionRule = {
  allowed: "a source, such as memorySource()",
  test: (value) =>
    objectRule.test(value) &&
    SOURCE_METHODS.every((name) => typeof (value as Partial<Source>)[name] === "function"),
}

const CLOCK_METHODS = ["now", "elapsed", "after", "sleep", "yield"] as const

const clockRule: OptionRule = {
  allowed: "a clock, such as systemClock",
  test: (value) =>
    objectRule.test(value) &&
    CLOCK_METHODS.every((name) => typeof (value as Partial<Clock>)[name] === "function"),
}

const HUB_RULES: OptionRules<HubOptions> = {
  topics: required(topicsRule),
  clock: clockRule,
  random: functionRule,
  drain: objectRule,
  limits: objectRule,
  compress: booleanRule,
  observer: objectRule,
  log: functionRule,
}

/** A timer has to take each. */
const DRAIN_MS_MAX = 3_600_000

const DRAIN_RULES: OptionRules<DrainPlan> = {
  delayMs: durationRule(0, DRAIN_MS_MAX),
  timeMs: durationRule(0, DRAIN_MS_MAX),
}

const TOPIC_RULES: OptionRules<TopicOptions> = {
  name: required(textRule),
  source: required(sourceRule),
  values: oneOfRule("json", "text", "binary"),
  cache: objectRule,
  memoryBytesMax: integerRule(4 * 2 ** 20, 2 ** 32),
}
