import { ClosedError } from "@headwater/core"
import type { CacheFrame } from "./cache-frame.ts"
import { type Followed, Follower, type FollowRequest } from "./follower.ts"

/**
 * Follows a cache in this process.
 *
 *     stream = (fresh | resume) status live*
 *     fresh  = reset entries* sync
 *     resume = delta* sync
 *     live   = delta | sync | status | fresh
 *
 * A delta with a position ends a run: everything since the position before belongs together, and a
 * follower that stops elsewhere may hold half a commit. Under `conflate` and `disconnect` a run is
 * everything since the last one, one delta per key; under `pin` it is one breadcrumb.
 *
 * A run longer than `frameEntriesMax` holds its snapshot while the follower stops in the middle of
 * it; nobody else is delayed, and nothing is held between runs but, under `pin`, what is unread.
 *
 * @throws {LaggedError} in the loop, under `pin` and `disconnect`: start afresh.
 * @throws {ClosedError} in the loop: the cache was closed.
 * @throws `request.signal.reason`, between two runs.
 */
export async function* follow(
  cache: Followed,
  request: FollowRequest,
): AsyncGenerator<CacheFrame, never> {
  const follower = new Follower(cache, request)
  request.onFollow?.(1)
  try {
    for (;;) {
      if (cache.closed) throw new ClosedError("shutdown")
      request.signal.throwIfAborted()
      yield* follower.turn()
    }
  } catch (error) {
    if (cache.closed) throw new ClosedError("shutdown")
    throw error
  } finally {
    follower.close()
    request.onFollow?.(-1)
  }
}
