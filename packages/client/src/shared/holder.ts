import type { TabStreams } from "./tab-streams.ts"

/** The way of a tab to the holder of its streams: a shared worker, or the tab that leads. */
export interface Holder {
  /** Resolves with the streams of this tab there; with `undefined` where there is no holder. */
  find(): Promise<TabStreams | undefined>
  /** Looks whether the holder lives, as a stream of it fell silent. */
  suspect(): void
}

/** A holder that does not answer for this long is dead, or frozen. */
export const ANSWER_MS = 2_000
