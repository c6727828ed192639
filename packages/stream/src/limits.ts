import { durationRule, integerRule, type OptionRule, type OptionRules } from "@headwater/core"

/** Every bound of a publisher. Each has a reason; none is absent. */
export interface StreamLimits {
  /** The largest number of topics; 1,024 by default. Programs register topics; requests do not. */
  readonly topicsMax: number
  /** Subscriptions open, and with them buffers; 100,000 by default. */
  readonly subscriptionsMax: number
  /** Time for which a snapshot is shared, ms; 10,000 by default, 0 is off. */
  readonly snapshotTtlMs: number
  /** Unread items after which a conflated subscription or a shared snapshot is let go; 10,000. */
  readonly unreadItemsMax: number
  /** The same in bytes of payload; 16 MiB. */
  readonly unreadBytesMax: number
  /** Items kept of each subject with subscribers, for those that come back; 256 by default. */
  readonly historyItemsMax: number
  /** The same in bytes of payload; 64 KiB. Given up for new items when memory is full. */
  readonly historyBytesMax: number
  /** Batches that `offer` queues; 64 by default, Consul's. */
  readonly queueBatchesMax: number
}

/** The bounds of a publisher, unless its owner gives others. */
export const STREAM_LIMITS: StreamLimits = {
  topicsMax: 1_024,
  subscriptionsMax: 100_000,
  snapshotTtlMs: 10_000,
  unreadItemsMax: 10_000,
  unreadBytesMax: 16_777_216,
  historyItemsMax: 256,
  historyBytesMax: 65_536,
  queueBatchesMax: 64,
}

/** A number of items or bytes; `Infinity` for no bound. */
export const countRule: OptionRule = {
  allowed: "an integer ≥ 0, or Infinity for no bound",
  test: (value) => value === Number.POSITIVE_INFINITY || integerRule(0).test(value),
}

/** The values that each bound of a publisher may have. */
export const STREAM_LIMIT_RULES: OptionRules<StreamLimits> = {
  topicsMax: integerRule(1),
  subscriptionsMax: integerRule(1),
  snapshotTtlMs: durationRule(),
  unreadItemsMax: countRule,
  unreadBytesMax: countRule,
  historyItemsMax: countRule,
  historyBytesMax: countRule,
  queueBatchesMax: integerRule(1),
}
