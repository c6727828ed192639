import type { Location } from "@headwater/cache"
import type { Position, Revision } from "@headwater/core"
import type { ResetReason, StreamId } from "@headwater/protocol"

/** The version from which a stream starts. */
export interface StartPoint {
  /** The version that the reader holds; 0 for nothing. */
  readonly version: number
  /** The revision that it holds everything up to: no id goes below it. */
  readonly floor: Revision
  /** The reason why the state that the reader holds is void, if it is. */
  readonly reset?: ResetReason
}

/**
 * Decides where a stream starts, or that the reader is ahead of this hub.
 *
 * @param from the id that the reader came with; revision 0 is "nothing known".
 * @param isOwnId it came as `Last-Event-ID`: without a view it is an id of the unfiltered stream.
 *   As `since` the reader vouches that it holds the view it asks for.
 * @param now the epoch that is served, and the view asked for (`""`: unfiltered).
 */
export function startPointOf(
  from: StreamId | undefined,
  isOwnId: boolean,
  now: { readonly epoch: string; readonly view: string },
  locate: (position: Position) => Location,
): StartPoint | "ahead" {
  if (from === undefined || from.revision === 0) return FRESH
  if (from.epoch !== now.epoch) return { ...FRESH, reset: "epoch-changed" }
  const isOfView = from.view === undefined ? !isOwnId || now.view === "" : from.view === now.view
  if (!isOfView) return { ...FRESH, reset: "view-changed" }
  const located = locate({ epoch: from.epoch, revision: from.revision })
  switch (located.type) {
    case "resume":
      return { version: located.version, floor: from.revision }
    case "reset":
      return { ...FRESH, reset: located.reason }
    case "fresh":
      return FRESH
    case "ahead":
      return "ahead"
  }
}

const FRESH: StartPoint = { version: 0, floor: 0 }
