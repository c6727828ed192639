import {
  badOption,
  type Clock,
  checkOptions,
  durationRule,
  functionRule,
  integerRule,
  isRevision,
  type OptionRules,
  objectRule,
  type Position,
  PositionError,
  required,
  signalRule,
} from "@headwater/core"
import type { EngineOptions } from "@headwater/core/engine"
import type { Policy } from "@headwater/stream"
import type { CacheLimits } from "./limits.ts"
import type { CacheObserver } from "./observer.ts"
import type { Validate } from "./validator.ts"

/** The options of a cache. */
export interface SnapshotCacheOptions {
  readonly clock: Clock
  /** Options of the engine that each epoch has. */
  readonly engine?: EngineOptions
  readonly limits?: Partial<CacheLimits>
  /** Returns why a value is invalid. It is a part of the epoch: see `Validator`. */
  readonly validate?: Validate
  /** Told what happens, for metrics. Costs nothing when absent. */
  readonly observer?: CacheObserver
}

const OPTIONS: OptionRules<SnapshotCacheOptions> = {
  clock: required(objectRule),
  engine: objectRule,
  limits: objectRule,
  validate: functionRule,
  observer: objectRule,
}

const LIMITS: OptionRules<CacheLimits> = {
  chunkUpdatesMax: integerRule(1),
  sliceMs: durationRule(),
  historyMs: durationRule(),
  tombstoneBytesMax: integerRule(0),
  tableRowsMax: integerRule(4),
  gapsMax: integerRule(1),
  invalidKeysMax: integerRule(0),
  valueBytesMax: integerRule(0),
  epochsMax: integerRule(0),
  frameEntriesMax: integerRule(1),
  frameBytesMax: integerRule(1, 2 ** 30),
  leaseMs: durationRule(1),
}

const POLICIES = {
  conflate: {},
  pin: { itemsMax: required(integerRule(1)), bytesMax: required(integerRule(1)) },
  disconnect: { lagMs: required(durationRule()), graceMs: required(durationRule()) },
} satisfies Record<Policy["type"], object>

/** Checks what a cache is made with. @throws {OptionError} */
export function checkCacheOptions(options: SnapshotCacheOptions): void {
  checkOptions("SnapshotCache", options, OPTIONS)
  if (options.limits) checkOptions("SnapshotCache: limits", options.limits as CacheLimits, LIMITS)
}

/** Checks what `follow` is given. @throws {OptionError} {PositionError} */
export function checkFollow(from: Position | undefined, policy: Policy, signal: unknown): void {
  checkPosition(from)
  const rules = Object.hasOwn(POLICIES, policy?.type) ? POLICIES[policy.type] : undefined
  const names = Object.keys(POLICIES).join(", ")
  if (rules === undefined) throw badOption("follow: policy.type", policy?.type, `one of ${names}`)
  const { type, ...bounds } = policy
  checkOptions(`follow: policy ${type}`, bounds, rules as OptionRules<object>)
  if (!signalRule.test(signal)) throw badOption("follow: signal", signal, signalRule.allowed)
}

/** Refuses what is not a position, such as its text. @throws {PositionError} */
export function checkPosition(position: Position | undefined): void {
  if (position === undefined) return
  if (typeof position?.epoch === "string" && isRevision(position.revision)) return
  const given =
    typeof position === "string" ? JSON.stringify(position) : `of type ${typeof position}`
  throw new PositionError(`a position is { epoch, revision }, not ${given}`)
}
