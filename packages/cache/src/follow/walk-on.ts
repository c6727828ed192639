import type { Delta, Entry, Position, StatusReport } from "@headwater/core"
import type { CacheFrame } from "./cache-frame.ts"
import { type CatchUp, plan, walked } from "./catch-up.ts"
import type { FollowedCache } from "./followed-cache.ts"

/** A version that a follower holds whole, and what is known of it. */
export interface CompleteVersion {
  readonly version: number
  readonly position: Position
  readonly entries: number
  readonly digest: string
  /** The link to the source, when this version was the newest. */
  readonly report: StatusReport
}

/**
 * Finishes a run over whatever version is newest, slice by slice, and holds only a place in
 * between: for a follower that stalled in the middle of a run and lost its lease.
 *
 * Starts from the first place, so it repeats what the follower has, and misses nothing.
 *
 * @returns the version that the follower then holds; `undefined` when it must start anew.
 */
export function* walkOn(
  cache: FollowedCache,
  from: { readonly epoch: string; readonly since: number; readonly bytesMax: number },
): Generator<CacheFrame, CompleteVersion | undefined> {
  let state: CatchUp = { held: from.since }
  for (;;) {
    const { current, position, report } = cache
    if (current === undefined || position === undefined) return undefined
    if (current.epochState.epoch !== from.epoch) return undefined
    const { snapshot, epochState } = current
    const { version, size: entries, digest } = snapshot
    const next = plan(state, { version, horizon: epochState.horizon })
    if (next.type === "reset") return undefined
    if (next.type === "idle") return { version, position, entries, digest, report }
    const { since, after } = next
    const slice = snapshot.slice({ since, after, bytesMax: from.bytesMax })
    state = walked(state, version, slice)
    const isWhole = state.walk === undefined
    if (slice.deltas.length > 0) {
      if (since === 0) yield { type: "entries", entries: slice.deltas.flatMap(entryOf) }
      else yield { type: "delta", deltas: slice.deltas, ...(isWhole ? { position } : {}) }
    }
    if (isWhole) return { version, position, entries, digest, report }
  }
}

/** The entry of a put. A walk from version 0 has puts alone. */
export function entryOf(delta: Delta): Entry[] {
  if (delta.op !== "put") return []
  const { key, value, revision } = delta
  return [{ key, value, revision }]
}
