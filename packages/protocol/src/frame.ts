import type { Recovery, Revision, StatusReport, SyncErrorCode } from "@headwater/core"
import type { ValueKind } from "./value-kind.ts"
import type { ViewFilter } from "./view.ts"

/**
 * One server-sent event of a stream: a part of a snapshot, a delta, or a framing event. The order
 * in which frames come is the grammar in PROTOCOL.md §5.
 *
 * At an `id`, everything up to its revision has been sent. A reader applies everything since the
 * previous id in one step.
 */
export type Frame =
  | HelloFrame
  | ResetFrame
  | SnapshotFrame
  | DeltaFrame
  | SyncFrame
  | StatusFrame
  | GoodbyeFrame
  | FaultFrame

/** First frame of every stream, except `status` while the hub waits: the terms of the stream. */
export interface HelloFrame {
  readonly type: "hello"
  readonly protocol: number
  readonly topic: string
  readonly epoch: string
  readonly values: ValueKind
  /** See `viewOf`; `""` for an unfiltered stream with a full grant. */
  readonly view: string
  /** The prefixes and keys of the view, filter and grant together; absent in the view `""`. */
  readonly filter?: ViewFilter | undefined
  readonly heartbeatMs: number
  readonly frameBytesMax: number
  /** False: the snapshot that follows replaces the reader's state, with or without a `reset`. */
  readonly resumed: boolean
  readonly policy: string
}

/** The reason why a position cannot be resumed from. Readers treat unknown reasons the same. */
export type ResetReason =
  | "epoch-changed"
  | "compacted"
  | "ahead"
  | "view-changed"
  | (string & Record<never, never>)

/** The snapshot that follows replaces the reader's state. The id is `<epoch>.0`. */
export interface ResetFrame {
  readonly type: "reset"
  readonly reason: ResetReason
  readonly epoch: string
  readonly id: string
}

/** An entry as it stands on the wire. */
export interface WireEntry {
  readonly key: string
  /** Any JSON value for `json`, a string for `text`, a base64 string for `binary`. */
  readonly value: unknown
  readonly revision: Revision
}

/** A part of a snapshot. Void when the stream ends before `sync`. */
export interface SnapshotFrame {
  readonly type: "snapshot"
  readonly entries: readonly WireEntry[]
}

/** A change as it stands on the wire. */
export type WireChange =
  | ({ readonly op: "put" } & WireEntry)
  | { readonly op: "delete"; readonly key: string; readonly revision: Revision }
  | { readonly op: "touch"; readonly key: string; readonly revision: Revision }

/** Changes up to `revision`: whole commits when there is an id, else a part of a run. */
export interface DeltaFrame {
  readonly type: "delta"
  readonly revision: Revision
  readonly changes: readonly WireChange[]
  /** Absent in a partial frame. Its revision is `revision`. */
  readonly id?: string
}

/** Everything up to `revision` has been sent. */
export interface SyncFrame {
  readonly type: "sync"
  readonly revision: Revision
  /** Number of entries in the view. */
  readonly entries: number
  /** 16 hex digits; see `Digest`. Always there when a snapshot ends, and on unfiltered streams. */
  readonly digest?: string
  readonly id: string
}

/** The hub's link to its source, as of the data sent before. */
export interface StatusFrame {
  readonly type: "status"
  readonly report: StatusReport
}

/** The reason for which a hub ends a stream that could go on. */
export type GoodbyeReason =
  | "draining"
  | "lagged"
  | "auth-changed"
  | "shutdown"
  | "max-age"
  | "done"
  /** This hub has more readers than its ceiling, and another may have room. */
  | "rebalancing"
  /** An operator ended this stream. */
  | "ended"
  | (string & Record<never, never>)

/** Last frame: come back with your id, not before `retryMs`. */
export interface GoodbyeFrame {
  readonly type: "goodbye"
  readonly reason: GoodbyeReason
  readonly retryMs: number
  /** The reader's position, when it is at one. */
  readonly id?: string
}

/** Last frame: something failed, and `retry` says what to do now. */
export interface FaultFrame {
  readonly type: "fault"
  readonly code: SyncErrorCode
  readonly retry: Recovery
  readonly retryMs: number
}
