import type { CloseReason } from "@headwater/core"
import type { Policy } from "./policy.ts"

/**
 * What a publisher tells whoever measures it. Every method may be absent, and then costs nothing;
 * none may throw, or call the publisher.
 *
 * Source: the meanings are Consul's and Typha's, and what both lacked (CS-W8).
 */
export interface StreamObserver {
  /** Events of one commit were published on a topic: so many, of which so many nobody heard. */
  onPublish?(topic: string, counts: { readonly events: number; readonly dropped: number }): void
  /** One batch was encoded: once, whoever reads it. */
  onEncode?(topic: string, bytes: number): void
  /** So many subscriptions were woken by one batch. */
  onWake?(topic: string, subscriptions: number): void
  /** A snapshot was built, or could not be, in so many ms. */
  onSnapshot?(topic: string, outcome: { readonly ok: boolean; readonly durationMs: number }): void
  /** A subscriber shares a snapshot that was built, or is being built, for another one. */
  onSnapshotShared?(topic: string): void
  /** Somebody subscribed: resumed where it was, or from a snapshot. */
  onSubscribe?(topic: string, how: { readonly policy: PolicyType; readonly resumed: boolean }): void
  /** A subscription was closed. */
  onClose?(topic: string, how: { readonly policy: PolicyType; readonly reason: CloseReason }): void
  /** A subscriber left too much unread: it gets the present instead, or an error. */
  onLag?(topic: string, lag: { readonly policy: PolicyType; readonly items: number }): void
}

/** The name of a policy. */
export type PolicyType = Policy["type"]
