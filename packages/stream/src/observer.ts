import type { CloseReason } from "@headwater/core"
import type { Policy, Unread } from "./policy.ts"

/**
 * What a publisher tells whoever measures it. Every method may be absent, and then costs nothing.
 *
 * None may call the publisher. What one throws, that included, spoils nothing and is told to
 * `onError` alone.
 *
 * Source: the meanings are Consul's and Typha's, and what both lacked (CS-W8).
 */
export interface StreamObserver {
  /** Events of one commit were published on a topic: so many, of which so many nobody heard. */
  onPublish?(topic: string, counts: PublishCounts): void
  /** One batch was encoded: once, whoever reads it. */
  onEncode?(topic: string, bytes: number): void
  /** So many subscriptions waited, and were woken together. Not told when none did. */
  onWake?(topic: string, subscriptions: number): void
  /** A snapshot was built, or could not be, or was given up because nobody waits any more. */
  onSnapshot?(topic: string, outcome: SnapshotOutcome): void
  /** A subscriber shares a snapshot that was built, or is being built, for another one: a hit. */
  onSnapshotShared?(topic: string): void
  /** Somebody subscribed: resumed where it was, or from a snapshot. */
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

/** How many events of a commit, and how many of these nobody heard. */
export interface PublishCounts {
  readonly events: number
  readonly dropped: number
}

/** How the building of a snapshot ended. */
export interface SnapshotOutcome {
  readonly outcome: "built" | "failed" | "given-up"
  /** Since it was asked for. */
  readonly durationMs: number
  /** Why it failed, in full: subscribers are not told the text of errors that are not ours. */
  readonly error?: unknown
}

/** What a subscriber left unread, and what comes of it. */
export interface Lag {
  readonly policy: PolicyType
  readonly items: number
  readonly lagMs: number
  readonly outcome: "conflated" | "lagged"
}

/** A publisher as it stands, for gauges. */
export interface StreamStats {
  readonly topics: number
  /** Subjects that somebody listens to. */
  readonly subjects: number
  /** Open subscriptions, by policy. */
  readonly subscriptions: Readonly<Record<PolicyType, number>>
  /** Commits that were offered and are not published yet. */
  readonly queued: number
  /** The most that any one subscription has left unread. */
  readonly unreadMax: Pick<Unread, "items" | "bytes" | "behindMs">
}
