import type { Status, SyncErrorCode } from "@headwater/core"
import type { GoodbyeReason, ResetReason } from "@headwater/protocol"

/** The policy of a reader. */
export type ReaderPolicy = "conflate" | "disconnect"

/**
 * The reason for the end of a stream: a goodbye's; `left` when the client closed it; `cut` when
 * the hub did, because the client had stopped reading; `failed` after a fault.
 */
export type StreamEndReason = GoodbyeReason | "left" | "cut" | "failed"

/**
 * The result of a write: `unknown` when the source did not answer, so that it may have happened;
 * `failed` when the source refused it, or could not be reached.
 */
export type WriteResult = "written" | "conflict" | "failed" | "unknown"

/** The event of a reader that joined, or went on where it was. */
export interface StreamEvent {
  readonly topic: string
  readonly policy: ReaderPolicy
}

/** The end of a stream, with its totals. */
export interface StreamEndEvent extends StreamEvent {
  readonly reason: StreamEndReason
  /** Frames that were sent, comments included, and their bytes before compression. */
  readonly frames: number
  readonly bytes: number
  readonly durationMs: number
}

/** A request, stream or connection that the hub refused. */
export interface RefusalEvent {
  readonly at: "connection" | "request" | "stream"
  readonly code: SyncErrorCode
}

/** A write that the hub passed on to a source. */
export interface WriteEvent {
  readonly topic: string
  readonly result: WriteResult
  /** Keys that it changes. */
  readonly changes: number
  /** From the request to the source until its answer. */
  readonly durationMs: number
}

/** An action, and the client that asked for it. */
export interface AuditEvent {
  readonly action: "write" | "refuse" | "drain" | "end-reader"
  /** Of a refusal, with the method and path of its request. */
  readonly code?: SyncErrorCode | undefined
  readonly request?: string | undefined
  /** Of the client's session; absent where its credential was not accepted. */
  readonly identity?: string | undefined
  /** Of the client, where it is known. */
  readonly address?: string | undefined
  readonly topic?: string | undefined
  /** The keys that a write changed, and the revision that it got. */
  readonly keys?: readonly string[] | undefined
  readonly revision?: number | undefined
}

/**
 * The facts that a hub reports, each as plain values, where it happens. Every method may be absent.
 * None may call the hub. An error that one throws goes to `onError`, and changes nothing else.
 *
 * There is no method for a delivery: it would cost a call for each frame and reader. Each stream
 * counts its own frames and bytes, and reports them when it ends.
 *
 * Decision: docs/decisions/server.md, “Rare facts are events, frequent ones are counted”.
 */
export interface HubObserver {
  // HTTP

  /** A request, a stream or a connection was refused. */
  onRefusal?(refusal: RefusalEvent): void
  /** A write was answered. Refusals before it reaches the source are `onRefusal`. */
  onWrite?(write: WriteEvent): void
  /** A GET begins to wait for a change (`change` is 1), or ends (-1). */
  onBlockingGet?(get: { readonly topic: string; readonly change: 1 | -1 }): void
  /** An entry was written, or an operator's resource used. For a record of who did it. */
  onAudit?(audit: AuditEvent): void

  // The streams of readers

  /** A reader's stream began. */
  onStream?(stream: StreamEvent): void
  /** A reader's stream ended. */
  onStreamEnd?(end: StreamEndEvent): void
  /** A reader was told that its state is void, and why. */
  onReset?(reset: { readonly topic: string; readonly reason: ResetReason }): void
  /** A slow reader received the changes of several versions as one. */
  onConflation?(conflation: { readonly topic: string }): void
  /** The hub began to end its streams, or has ended them. `streams` are those open then. */
  onDrain?(drain: { readonly state: "begun" | "ended"; readonly streams: number }): void

  // Fan-out

  /** A frame was encoded, for all readers at one place. */
  onEncode?(frame: {
    readonly topic: string
    readonly kind: "snapshot" | "delta"
    readonly entries: number
    readonly bytes: number
  }): void
  /** A reader that holds nothing began with a snapshot: one that others share, or the newest. */
  onSnapshot?(snapshot: { readonly topic: string; readonly isShared: boolean }): void

  // The cache and the source

  /** A chunk of changes was applied. */
  onApply?(chunk: { readonly topic: string; readonly updates: number }): void
  /** A list was applied to its end. */
  onResync?(list: {
    readonly topic: string
    readonly entries: number
    readonly durationMs: number
  }): void
  /** The status of the link to the source changed. */
  onStatus?(link: { readonly topic: string; readonly status: Status }): void
  /** A watch was opened. */
  onWatch?(watch: { readonly topic: string }): void
  /** A question, a list or a watch failed; `code` is `ERR_SOURCE_FAILED` unless the source said. */
  onSourceFailure?(failure: { readonly topic: string; readonly code: SyncErrorCode }): void
  /** Another source, or another state of its history, took the place of the one before. */
  onEpoch?(epoch: { readonly topic: string; readonly epoch: string }): void
  /** The memory of a topic was full: a change was not applied. */
  onMemoryFull?(memory: { readonly topic: string }): void

  /** A topic was closed: no event has its name after this one. */
  onTopicEnd?(end: { readonly topic: string }): void
  /** Another method of the observer threw this. */
  onError?(error: unknown): void
}

/** The name of each method but `onError`. */
export const OBSERVER_METHODS = Object.keys({
  onRefusal: true,
  onWrite: true,
  onBlockingGet: true,
  onAudit: true,
  onStream: true,
  onStreamEnd: true,
  onReset: true,
  onConflation: true,
  onDrain: true,
  onEncode: true,
  onSnapshot: true,
  onApply: true,
  onResync: true,
  onStatus: true,
  onWatch: true,
  onSourceFailure: true,
  onEpoch: true,
  onMemoryFull: true,
  onTopicEnd: true,
} satisfies Record<Exclude<keyof HubObserver, "onError">, true>) as Exclude<
  keyof HubObserver,
  "onError"
>[]
