import type { ReaderPolicy } from "../observe/hub-observer.ts"
import type { ReaderPhase } from "./reader-state.ts"

/** A reader whose stream is open, as metrics see it. Each property is read in about 100 ns. */
export interface OpenReader {
  readonly policy: ReaderPolicy
  readonly phase: ReaderPhase
  /** When its stream began, and since when it has taken nothing, by `Clock.elapsed`. */
  readonly openedAt: number
  readonly stalledSince: number | undefined
  /** Frames that it was sent, comments included, and their bytes before compression. */
  readonly framesSent: number
  readonly bytesSent: number
  /** Distance to the state that is served, once it holds all: 0 at the newest. */
  readonly lagRevisions: number
  readonly lagMs: number
}
