import {
  booleanRule,
  type CacheRequest,
  type CacheType,
  type Clock,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  type OptionRule,
  type OptionRules,
  objectRule,
  type RateLimit,
  required,
  signalRule,
  textRule,
} from "@headwater/core"
import type { NotifyOptions } from "./cache-event.ts"
import type { ReadThroughLimits } from "./limits.ts"
import type { ReadThroughObserver } from "./observer.ts"

/** The options of a read-through cache. */
export interface ReadThroughOptions {
  /** The machine's by default. */
  readonly clock?: Clock
  /** As `Math.random`; draws back-off and jitter. */
  readonly random?: () => number
  readonly limits?: Partial<ReadThroughLimits>
  readonly observer?: ReadThroughObserver
}

/** A filter of entries: those with all the given parts; `{}` is all entries. */
export interface EvictFilter {
  readonly type?: string
  readonly partition?: string
  readonly token?: string
  readonly key?: string
}

const anyText: OptionRule = {
  allowed: "a text",
  test: (value) => typeof value === "string",
}

const position: OptionRule = {
  allowed: "a position: { epoch, revision }",
  test: (value) => {
    if (typeof value !== "object" || value === null) return false
    const { epoch, revision } = value as { epoch?: unknown; revision?: unknown }
    return typeof epoch === "string" && integerRule(0).test(revision)
  },
}

const rate: OptionRule = {
  allowed: "a number ≥ 0; 0 is the default",
  test: (value) => typeof value === "number" && value >= 0,
}

const REQUEST_RULES: OptionRules<CacheRequest> = {
  key: required(anyText),
  partition: anyText,
  token: anyText,
  since: position,
  timeoutMs: durationRule(),
  maxAgeMs: durationRule(),
  mustRevalidate: booleanRule,
}

const TYPE_RULES: OptionRules<CacheType<unknown>> = {
  fetch: required(functionRule),
  blocking: booleanRule,
  refresh: booleanRule,
  ttlMs: durationRule(),
  refreshMs: durationRule(),
  queryTimeoutMs: durationRule(),
  rateLimit: objectRule,
  bytesOf: functionRule,
  isSame: functionRule,
  isFatal: functionRule,
}

const OPTION_RULES: OptionRules<ReadThroughOptions> = {
  clock: objectRule,
  random: functionRule,
  limits: objectRule,
  observer: objectRule,
}

const LIMIT_RULES: OptionRules<ReadThroughLimits> = {
  entriesMax: integerRule(1),
  bytesMax: {
    allowed: "an integer ≥ 0, or Infinity for no bound",
    test: (value) => value === Number.POSITIVE_INFINITY || integerRule(0).test(value),
  },
  entryRate: objectRule,
  totalRate: objectRule,
}

/** Checks the options of a cache. @throws {OptionError} one is unknown or makes no sense. */
export function checkCache(options: ReadThroughOptions): void {
  checkOptions("ReadThroughCache", options, OPTION_RULES)
  checkLimits(options.limits ?? {})
}

/** Checks the limits of a cache. */
export function checkLimits(limits: Partial<ReadThroughLimits>): void {
  checkOptions("limits", limits, LIMIT_RULES)
  for (const name of ["entryRate", "totalRate"] as const) {
    const limit = limits[name]
    if (limit !== undefined) checkRateLimit(`limits: ${name}`, limit)
  }
}

/** Checks a filter: an unknown name would match every entry. */
export function checkFilter(filter: EvictFilter): void {
  checkOptions("evict", filter, { type: anyText, partition: anyText, token: anyText, key: anyText })
}

/** Checks a request. Types add members of their own, which are not checked. */
export function checkRequest(where: string, request: CacheRequest): void {
  checkKnown(where, request, REQUEST_RULES)
}

/** Checks a type. It may be an object of any class, with more members. */
export function checkType(name: string, type: object): void {
  checkOptions("register", { name }, { name: textRule })
  checkKnown(`register "${name}"`, type, TYPE_RULES)
}

/** Checks the options of a follower. */
export function checkNotify(options: NotifyOptions): void {
  checkOptions("notify", options, { correlationId: anyText, signal: signalRule })
}

/** Checks a rate limit. */
export function checkRateLimit(where: string, limit: Partial<RateLimit>): void {
  checkOptions(where, limit, { perSecond: rate, burst: rate })
}

/** Checks the members of an object that have rules, also those of its class. */
export function checkKnown<Options extends object>(
  where: string,
  options: Options,
  rules: OptionRules<Options>,
): void {
  if (!objectRule.test(options)) checkOptions(where, options, rules)
  const known: Partial<Options> = {}
  for (const name of Object.keys(rules) as (keyof Options)[]) known[name] = options[name]
  checkOptions(where, known as Options, rules)
}
