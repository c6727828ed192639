import type { Place } from "@headwater/core/engine"

/**
 * The progress of a reader: a number, and inside a walk a place. No queue, no pinned memory.
 *
 * A reader catches up by walks over the newest complete root. A walk may be cut short anywhere and
 * goes on, after its place, over the root that is newest by then. Entries before the place may have
 * changed meanwhile; so a walk that ends on a later version than it began with is followed by one
 * from the first place over what changed since it began. Only a walk that ends on the version that
 * it began with leaves the reader with exactly one version, and only then may it be sent an id or a
 * `sync`.
 *
 *     held v ── walk since v, began w₀ … ends on w ──▶ w = w₀: held w₀
 *                                                     w > w₀: walk since w₀, from the start
 *
 * Catching up before the place first, and then going on, is wrong. Source: design by model search.
 */
export interface CatchUp {
  /** The version that the reader holds whole; 0 is nothing. */
  readonly held: number
  /** The walk that it is in the middle of. */
  readonly walk?: Walk
}

/** A walk that was begun: its base version, the version it began on, and where it was cut. */
export interface Walk {
  readonly since: number
  readonly began: number
  /** The place where it was cut; absent before the first entry. */
  readonly place?: Place
}

/** The next step. `reset`: drop what the reader has, and start from `NOTHING_HELD`. */
export type Plan =
  | { readonly type: "idle" }
  | {
      readonly type: "walk"
      readonly since: number
      readonly began: number
      readonly after?: Place
    }
  | { readonly type: "reset" }

/** A reader that holds nothing. */
export const NOTHING_HELD: CatchUp = { held: 0 }

/**
 * Decides the next step of a reader.
 *
 * @param now.version the newest complete version, which the walk will read.
 * @param now.horizon the oldest version from which changes can be read. Both the version that a
 *   walk counts from and the one that it began with must not be below it: the first, or deletes are
 *   missed now; the second, or they are missed by the walk that follows.
 */
export function plan(
  state: CatchUp,
  now: { readonly version: number; readonly horizon: number },
): Plan {
  const { held, walk } = state
  if (walk !== undefined) {
    if (isBelow(walk.since, now.horizon) || walk.began < now.horizon) return { type: "reset" }
    const { since, began, place } = walk
    return place === undefined
      ? { type: "walk", since, began }
      : { type: "walk", since, began, after: place }
  }
  if (isBelow(held, now.horizon)) return { type: "reset" }
  if (held >= now.version) return { type: "idle" }
  return { type: "walk", since: held, began: now.version }
}

/**
 * Returns the progress of a reader after a slice of the walk that `plan` asked for.
 *
 * @param at the version of the root that the slice read: not below `began`.
 */
export function walked(
  state: CatchUp,
  at: number,
  result: { readonly ended: boolean; readonly place: Place },
): CatchUp {
  const since = state.walk?.since ?? state.held
  const began = state.walk?.began ?? at
  if (!result.ended) return { held: state.held, walk: { since, began, place: result.place } }
  if (began === at) return { held: at }
  return { held: state.held, walk: { since: began, began: at } }
}

// Version 0 is empty: everything that it lacks is live, so no tombstone is needed.
function isBelow(version: number, horizon: number): boolean {
  return version !== 0 && version < horizon
}
