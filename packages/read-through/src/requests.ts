import {
  booleanRule,
  type CacheRequest,
  type CacheType,
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

/** Checks what a cache is asked. Types add members of their own, which are not looked at. */
export function checkRequest(where: string, request: CacheRequest): void {
  checkKnown(where, request, REQUEST_RULES)
}

/** Checks a type. It may be an object of any class, with more members. */
export function checkType(name: string, type: object): void {
  checkOptions("register", { name }, { name: textRule })
  checkKnown(`register "${name}"`, type, TYPE_RULES)
}

/** Checks how to follow. */
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
