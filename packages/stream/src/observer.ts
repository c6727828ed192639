import type { CloseReason } from "@headwater/core"
import type { Policy, Unread } from "./policy.ts"

/**
 * Called by a publisher, for metrics. Every method may be absent, and then costs nothing.
 *
 * None may call the publisher or a subscription: that throws. An error that a method throws goes to
 * `onError` alone, and changes nothing.
 *
 * Source: the meanings are Consul's and Typha's, and what both lacked (CS-W8).
 */
export interface StreamObserver {
  /** Events of one commit were published on a topic. */
  onPublish?(topic: string, counts: PublishCounts): void
  /** One batch was encoded: once, however many subscribers there are. */
  onEncode?(topic: string, bytes: number): void
  /** So many waiting subscriptions were woken together. Not called for none. */
  onWake?(topic: string, subscriptions: number): void
  /** A snapshot was built, or could not be, or was given up with its last reader. */
  onSnapshot?(topic: string, outcome: SnapshotOutcome): void
  /** A subscriber shares a snapshot that was built, or is being built, for another one: a hit. */
  onSnapshotShared?(topic: string): void
  /** A subscription began: resumed where it was, or from a snapshot. */
  onSubscribe?(topic: string, how: { readonly policy: PolicyType; readonly resumed: boolean }): void
  /** A subscription was closed. */
  onClose?(topic: string, how: { readonly policy: PolicyType; readonly reason: CloseReason }): void
  /** A subscriber left too much unread. Under `conflate` it gets the present, else an error. */
  onLag?(topic: string, lag: Lag): void
  /** Another method threw this. */
  onError?(error: unknown): void
}

/** The methods that are called in the middle of changes: all but `onError`. */
export const OBSERVER_METHODS = [
  "onPublish",
  "onEncode",
  "onWake",
  "onSnapshot",
  "onSnapshotShared",
  "onSubscribe",
  "onClose",
  "onLag",
] as const satisfies readonly (keyof StreamObserver)[]

/** The name of a policy. */
export type PolicyType = Policy["type"]

/** Events of a commit, and those among them that had no subscriber. */
export interface PublishCounts {
  readonly events: number
  readonly dropped: number
}

/** The end of the building of a snapshot. */
export interface SnapshotOutcome {
  readonly outcome: "built" | "failed" | "given-up"
  /** Since it was asked for. */
  readonly durationMs: number
  /** The failure, in full. Subscribers do not see the text of errors of others. */
  readonly error?: unknown
}

/** The lag of a subscriber that left too much unread, and its outcome. */
export interface Lag {
  readonly policy: PolicyType
  readonly items: number
  readonly lagMs: number
  readonly outcome: "conflated" | "lagged"
}

/** A publisher as it stands, for gauges. */
export interface StreamStats {
  readonly topics: number
  /** Subjects with subscribers. */
  readonly subjects: number
  /** Open subscriptions, by policy. */
  readonly subscriptions: Readonly<Record<PolicyType, number>>
  /** Commits that were offered and are not published yet. */
  readonly queued: number
  /** The most that any one subscription has left unread. */
  readonly unreadMax: Pick<Unread, "items" | "bytes" | "behindMs">
}
