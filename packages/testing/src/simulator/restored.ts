import type { ModelWorld } from "./model-world.ts"
import type { SavedImage } from "./simulated-hub.ts"

/** Starts from an image, and what had happened since it was saved: each may be in several. */
export interface RestoredTotals {
  readonly starts: number
  /** The source had moved on. */
  readonly stale: number
  /** So far that it had forgotten what came next. */
  readonly compacted: number
  /** Another cluster answered. */
  readonly replaced: number
  /** The history of its cluster had gone back. */
  readonly setBack: number
  /** It was saved while a list was read. */
  readonly resyncing: number
}

/** Counts the cases that starts from images meet, so that a test can require each of them. */
export class Restored {
  readonly #totals = { starts: 0, stale: 0, compacted: 0, replaced: 0, setBack: 0, resyncing: 0 }

  get totals(): RestoredTotals {
    return this.#totals
  }

  /** A hub is about to begin from this image. */
  count(image: SavedImage, world: ModelWorld): void {
    const { cluster } = world
    const { revision } = image.position
    const totals = this.#totals
    const isSame = world.clusterOf(image.position) === cluster
    const isAbove = isAboveAll(image, world)
    totals.starts += 1
    if (isSame && revision < cluster.revision) totals.stale += 1
    if (isSame && revision < cluster.compacted) totals.compacted += 1
    if (!isSame && !isAbove) totals.replaced += 1
    if (isAbove) totals.setBack += 1
    if (image.resyncing) totals.resyncing += 1
  }
}

/**
 * Returns true if an image is of the history before the last one that went back and holds more than
 * there is now: a hub that begins from it has to notice.
 */
export function isAboveAll({ position, setBacks }: SavedImage, world: ModelWorld): boolean {
  const own = world.clusterOf(position)
  if (own.identity !== world.cluster.identity || own === world.cluster) return false
  return setBacks === world.setBacks - 1 && position.revision > world.cluster.revision
}
