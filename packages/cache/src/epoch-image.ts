import { decodeUtf8, encodeUtf8, ImageError, type InvalidEntry } from "@headwater/core"
import { loadEngine, type Snapshot } from "@headwater/core/engine"
import { type EpochOptions, EpochState } from "./epoch-state.ts"
import type { SavedVersions } from "./versions.ts"

/** The part that the cache adds to an engine's image, as JSON. */
interface Opaque {
  readonly format: 1
  readonly epoch: string
  /** See `SnapshotCache.metadata`. */
  readonly metadata?: string | undefined
  readonly served: number
  readonly versions: SavedVersions
  readonly invalid: readonly InvalidEntry[]
}

const FORMAT = 1

/**
 * Writes an epoch state as bytes, in pieces: a complete version, and the table that leads to it
 * with its gaps. The version must stay pinned while the pieces are taken.
 */
export function saveEpoch(
  epochState: EpochState,
  snapshot: Snapshot,
  metadata: string | undefined,
): Generator<Uint8Array> {
  const { epoch, served } = epochState
  const versions = epochState.versions.save(served)
  const invalid = epochState.validator.all
  const opaque: Opaque = { format: FORMAT, epoch, metadata, served, versions, invalid }
  return snapshot.save(encodeUtf8(JSON.stringify(opaque)))
}

/**
 * Reads the epoch state of an image, which is complete, with its metadata and a handle on its
 * version.
 *
 * Decision: docs/decisions/cache.md, “An image of a cache”.
 *
 * @throws {ImageError} it is cut, changed, or of another format. Nothing is left open.
 * @throws {MemoryFullError} it does not fit.
 */
export function loadEpoch(
  image: Uint8Array | Iterable<Uint8Array>,
  options: EpochOptions,
): {
  readonly epochState: EpochState
  readonly snapshot: Snapshot
  readonly metadata: string | undefined
} {
  const { engine, snapshot, opaque } = loadEngine(image, options.engine)
  try {
    const { epoch, metadata, served, versions, invalid } = read(opaque)
    const newest = versions.rows.at(-1)
    // A sweep may have made versions after the last row; none of them changed the reach.
    if (!snapshot.complete || newest === undefined || newest[1] > snapshot.version) {
      throw new ImageError("the image has a version that is not complete; start without it")
    }
    const epochState = new EpochState(epoch, options, { engine, saved: { served, versions } })
    epochState.validator.restore(invalid)
    return { epochState, snapshot, metadata }
  } catch (error) {
    engine.dispose()
    throw error
  }
}

function read(opaque: Uint8Array): Opaque {
  let saved: Opaque
  try {
    saved = JSON.parse(decodeUtf8(opaque)) as Opaque
  } catch (cause) {
    throw new ImageError(
      "the image was not made by a cache: its own part is not JSON; start without it",
      { cause },
    )
  }
  if (saved.format !== FORMAT)
    throw new ImageError(`the image has format ${saved.format}, not ${FORMAT}; start without it`)
  return saved
}
