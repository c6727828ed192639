import type { GrantedFilter, StreamId } from "@headwater/protocol"
import type { Session } from "../access/session.ts"
import type { Bugs } from "../bugs.ts"
import type { FanOut } from "../fan-out/fan-out.ts"
import type { WalkLimiter } from "../fan-out/walk-limiter.ts"
import type { HubObserver } from "../observe/hub-observer.ts"
import type { OpenReaders } from "./open-reader.ts"
import type { OpenStreams } from "./open-streams.ts"

/** The request of a reader. */
export interface ReaderRequest extends GrantedFilter {
  /** The id where it left off; absent when it holds nothing. */
  readonly from?: StreamId | undefined
  /** True if `from` came as `Last-Event-ID`; see `startPointOf`. */
  readonly isOwnId: boolean
  readonly policy: "conflate" | "disconnect"
  readonly once: boolean
  /** The peer's address, which bounds its streams and views; absent if unknown or exempt. */
  readonly address?: string | undefined
  /** The grant under which it reads: the stream ends with it. */
  readonly session?: Pick<Session, "hold" | "identity"> | undefined
  /** True if it may not see the whole topic: totals of the topic are hidden from it. */
  readonly isPartial?: boolean | undefined
  /** The reader's identity, which bounds its streams and views; absent without a credential. */
  readonly identity?: string | undefined
  /** The peer's address as operators see it; absent if unknown. */
  readonly peerAddress?: string | undefined
}

/** The parts of its hub that a reader uses. */
export interface ReaderContext {
  readonly topic: string
  readonly fanOut: FanOut
  readonly walkLimiter: WalkLimiter
  readonly streams: OpenStreams
  readonly random: () => number
  /** Asks the source whether it is at least at this revision. */
  isAtLeast(revision: number, signal: AbortSignal): Promise<boolean>
  /** Notes that a reader came with a position of another epoch, as from a hub with other rules. */
  warnOfEpoch(): void
  readonly bugs: Bugs
  readonly observer: HubObserver
  /** The readers of the topic: this one adds itself while its stream is open. */
  readonly readers: OpenReaders
  log(line: string, fields?: object): void
}
