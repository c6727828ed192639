import { badOption, checkOptions, durationRule, type OptionRule, required } from "@headwater/core"
import { countRule } from "./limits.ts"

/**
 * The treatment of a slow reader.
 *
 *   conflate     it gets the present instead of everything in between; never closed for slowness
 *   pin          everything, in memory that is held for it, up to a bound; then lagged
 *   disconnect   everything, until it lags by `lagMs` and was served for `graceMs`; then lagged
 *
 * Source: Consul has `pin` without a bound, Typha `disconnect`, its dedupe buffer `conflate`.
 */
export type Policy =
  | { readonly type: "conflate" }
  | { readonly type: "pin"; readonly itemsMax: number; readonly bytesMax: number }
  | { readonly type: "disconnect"; readonly lagMs: number; readonly graceMs: number }

/**
 * Refuses a policy that does not exist or makes no sense.
 *
 * @throws {OptionError} it names the option, its value, and what is allowed.
 */
export function checkPolicy(policy: Policy): void {
  const { type, ...bounds } = policy
  if (!Object.hasOwn(POLICY_RULES, String(type))) {
    throw badOption("policy.type", type, '"conflate", "pin" or "disconnect"')
  }
  checkOptions(`policy ${type}`, bounds, POLICY_RULES[type])
}

const POLICY_RULES: Readonly<Record<Policy["type"], Readonly<Record<string, OptionRule>>>> = {
  conflate: {},
  pin: { itemsMax: required(countRule), bytesMax: required(countRule) },
  disconnect: { lagMs: required(durationRule()), graceMs: required(durationRule()) },
}

/** The part of a trail that a reader has yet to read. */
export interface Unread {
  readonly items: number
  /** Bytes of payload. */
  readonly bytes: number
  /**
   * Between the newest item and the one that the reader stands at, or the first it has not read.
   */
  readonly behindMs: number
  /** Since the reader was first served. */
  readonly servedMs: number
}

/** Returns true if the buffer may keep a reader's unread items. */
export type Keeps = (unread: Unread) => boolean

/** Typha's numbers. */
export const DISCONNECT_DEFAULTS = { lagMs: 300_000, graceMs: 300_000 } as const

/** The rule of a policy. `bounds` is the owner's own, for policies that name none. */
export function keepsOf(
  policy: Policy,
  bounds: { readonly itemsMax: number; readonly bytesMax: number } = UNBOUNDED,
): Keeps {
  switch (policy.type) {
    case "conflate":
      return ({ items, bytes }) => items <= bounds.itemsMax && bytes <= bounds.bytesMax
    case "pin":
      return ({ items, bytes }) => items <= policy.itemsMax && bytes <= policy.bytesMax
    case "disconnect":
      return (unread) =>
        !lagsTooFar(policy, unread) &&
        unread.items <= bounds.itemsMax &&
        unread.bytes <= bounds.bytesMax
  }
}

/** Typha's rule: over the lag limit, and no longer new. Strict on both sides. */
export function lagsTooFar(
  policy: { readonly lagMs: number; readonly graceMs: number },
  unread: { readonly behindMs: number; readonly servedMs: number },
): boolean {
  return unread.behindMs > policy.lagMs && unread.servedMs > policy.graceMs
}

const UNBOUNDED = { itemsMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY }
