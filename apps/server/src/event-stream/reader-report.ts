import type { ViewFilter } from "@headwater/protocol"

/** The state of a reader, as an operator sees it. */
export type ReaderStage =
  /** The hub has nothing to serve it from yet. */
  | "waiting"
  /** It is sent a snapshot, or what it missed. */
  | "catching-up"
  /** It has been sent a whole state, and follows. */
  | "following"
  /** It has been told to leave. */
  | "leaving"

/** The facts of one reader, for an operator. */
export interface ReaderReport {
  readonly topic: string
  /** Of its grant; `null` for a reader without one. */
  readonly identity: string | null
  readonly address: string | null
  /** The name of the view in ids, and its filter. */
  readonly view: ViewFilter & { readonly id: string }
  readonly policy: "conflate" | "disconnect"
  readonly state: ReaderStage
  /** Of the last id that it was sent, or came with; `null` while it holds no state. */
  readonly position: string | null
  /** Revisions of the topic that it lacks; `null` before it is whole, 0 if nothing is missing. */
  readonly lagRevisions: number | null
  /** Age of the first change that it lacks. */
  readonly lagMs: number
  /** Time for which its connection has not taken the last frame. */
  readonly stalledMs: number
  /** Bytes of frames that were sent to it, before any compression. */
  readonly bytes: number
  readonly since: string
  /** It has lagged or stalled for longer than a heartbeat. */
  readonly slow: boolean
}
