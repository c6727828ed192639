import { decodeUtf8, encodeUtf8, ImageError, type InvalidEntry } from "@headwater/core"
import { loadEngine, type Snapshot } from "@headwater/core/engine"
import { type EpochOptions, EpochState } from "./epoch-state.ts"
import type { SavedVersions } from "./versions.ts"

/** What the cache adds to an engine's image, as JSON. */
interface Opaque {
  readonly format: 1
  readonly epoch: string
  /** See `SnapshotCache.memo`. */
  readonly memo?: string | undefined
  readonly told: number
  readonly versions: SavedVersions
  readonly invalid: readonly InvalidEntry[]
}

const FORMAT = 1

/**
 * A life as bytes, in pieces: a complete version, everything that is to be told of it, and the
 * table that leads to it, with its gaps. The version must stay held while the pieces are taken.
 */
export function saveEpoch(
  epochState: EpochState,
  snapshot: Snapshot,
  memo: string | undefined,
): Generator<Uint8Array> {
  const { epoch, served: told } = epochState
  const versions = epochState.versions.save(told)
  const invalid = epochState.validator.all
  const opaque: Opaque = { format: FORMAT, epoch, memo, told, versions, invalid }
  return snapshot.save(encodeUtf8(JSON.stringify(opaque)))
}

/**
 * The life that an image holds, whole, with what was said beside it; and a handle on its version.
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
  readonly memo: string | undefined
} {
  const { engine, snapshot, opaque } = loadEngine(image, options.engine)
  try {
    const { epoch, memo, told, versions, invalid } = read(opaque)
    const newest = versions.rows.at(-1)
    // A sweep may have made versions after the last row; none of them changed the reach.
    if (!snapshot.complete || newest === undefined || newest[1] > snapshot.version) {
      throw new ImageError("an image of a version that is not complete")
    }
    const epochState = new EpochState(epoch, options, { engine, saved: { told, versions } })
    epochState.validator.restore(invalid)
    return { epochState, snapshot, memo }
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
    throw new ImageError("an image that no cache has made", { cause })
  }
  if (saved.format !== FORMAT) throw new ImageError(`an image of format ${saved.format}`)
  return saved
}
