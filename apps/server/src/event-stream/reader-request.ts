import type { StreamId, ViewFilter } from "@headwater/protocol"
import type { Bugs } from "../bugs.ts"
import type { FanOut } from "../fan-out/fan-out.ts"
import type { WalkLimiter } from "../fan-out/walk-limiter.ts"
import type { Drain } from "./drain.ts"

/** What a reader asked for. */
export interface ReaderRequest extends ViewFilter {
  /** Where it left off; absent when it holds nothing. */
  readonly from?: StreamId | undefined
  /** Whether `from` came as `Last-Event-ID`; see `startPointOf`. */
  readonly isOwnId: boolean
  readonly policy: "conflate" | "disconnect"
  readonly once: boolean
  /** Of the peer, by which streams and views are bounded; absent where unknown or exempt. */
  readonly address?: string | undefined
}

/** What a reader needs of its hub. */
export interface ReaderContext {
  readonly topic: string
  readonly fanOut: FanOut
  readonly walkLimiter: WalkLimiter
  readonly drain: Drain
  readonly random: () => number
  /** Asks the source whether it is at least at this revision. */
  isAtLeast(revision: number, signal: AbortSignal): Promise<boolean>
  readonly bugs: Bugs
  log(line: string, fields?: object): void
}
