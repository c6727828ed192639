import {
  type Clock,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  type OptionRule,
  type OptionRules,
  objectRule,
  required,
  withDefaults,
} from "@headwater/core"
import { SYNCER_LIMITS, type SyncerLimits } from "./limits.ts"
import type { SyncerOptions } from "./syncer-options.ts"

const OPTIONS: OptionRules<SyncerOptions> = {
  source: required(objectRule),
  cache: required(objectRule),
  clock: required(clockRule()),
  random: required(functionRule),
  epochSalt: required({ allowed: "a text", test: (value) => typeof value === "string" }),
  log: functionRule,
  observer: objectRule,
  limits: objectRule,
}

/** A back-off is a wait that ends. */
const backoffRule = durationRule(0, 86_400_000)

const LIMITS: OptionRules<SyncerLimits> = {
  queueEventsMax: integerRule(1),
  queueBytesMax: integerRule(1),
  batchCommitsMax: integerRule(1),
  errorsMax: integerRule(1),
  backoffMinMs: backoffRule,
  backoffMaxMs: backoffRule,
  askMaxMs: backoffRule,
  staleAfterMs: durationRule(),
  listMinMs: durationRule(0, 86_400_000),
  pollMs: durationRule(1, 86_400_000),
  askMs: durationRule(1),
  listSilenceMs: durationRule(1),
  watchSilenceMs: durationRule(1),
  settleMs: durationRule(),
  healthyMs: durationRule(),
  aheadMs: durationRule(),
}

/**
 * Checks what a syncer is made with.
 *
 * @returns the limits, with the defaults for those that are not given.
 * @throws {OptionError} an option is unknown, is missing, or makes no sense.
 */
export function checkSyncerOptions(options: SyncerOptions): SyncerLimits {
  checkOptions("Syncer", options, OPTIONS)
  const { limits = {} } = options
  checkOptions("Syncer: limits", limits, LIMITS)
  return withDefaults(SYNCER_LIMITS, limits)
}

/** A clock: see `systemClock` of `@headwater/core`. */
export function clockRule(): OptionRule {
  const names = ["now", "elapsed", "after", "sleep", "yield"] satisfies (keyof Clock)[]
  return {
    allowed: "a Clock, such as systemClock",
    test: (value) =>
      objectRule.test(value) &&
      names.every((name) => typeof (value as Partial<Clock>)[name] === "function"),
  }
}
