import { ClosedError, LaggedError } from "@headwater/core"
import type { CacheObserver } from "../observer.ts"
import type { CacheFrame } from "./cache-frame.ts"
import type { FollowedCache } from "./followed-cache.ts"
import { CacheFollower, type FollowRequest } from "./follower.ts"

/**
 * Follows a cache in this process.
 *
 *     stream = (fresh | resume) status live*
 *     fresh  = (reset entries*)+ delta* sync
 *     resume = delta* sync
 *     live   = delta | sync | status | fresh
 *
 * A delta with a position ends a run: everything since the position before belongs together, and a
 * follower that stops elsewhere may hold half a commit. Under `conflate` and `disconnect` a run is
 * everything since the last one, one delta per key; under `pin` it is one breadcrumb.
 *
 * A run longer than `frameEntriesMax` holds its snapshot while the follower is in the middle of it,
 * but only while it reads on. A follower that stalls for `leaseMs` lets go, and then goes on over
 * the newest version, without holding anything. In `fresh` it receives a `reset` again first,
 * deltas may then come before the `sync`, and everywhere it may receive again what it has. Under
 * `pin` the snapshot is held as long as the bound of the policy holds. No other reader is delayed.
 *
 * @throws {LaggedError} in the loop, under `pin` and `disconnect`: start anew.
 * @throws {ClosedError} in the loop: the cache was closed.
 * @throws `request.signal.reason`, between two runs.
 */
export async function* follow(
  cache: FollowedCache,
  request: FollowRequest,
): AsyncGenerator<CacheFrame, never> {
  const follower = new CacheFollower(cache, request)
  const { observer, followers, signal } = request
  const { type: policy } = request.policy
  let reason: EndReason = "left"
  followers.count(policy, 1)
  try {
    for (;;) {
      if (cache.closed) throw new ClosedError("shutdown")
      signal.throwIfAborted()
      yield* follower.turn()
    }
  } catch (error) {
    const thrown = cache.closed ? new ClosedError("shutdown") : error
    reason = reasonOf(thrown, signal)
    throw thrown
  } finally {
    follower.close()
    followers.count(policy, -1)
    observer?.onEnd?.({ policy, reason })
  }
}

type EndReason = Parameters<NonNullable<CacheObserver["onEnd"]>>[0]["reason"]

function reasonOf(error: unknown, signal: AbortSignal): EndReason {
  if (error instanceof ClosedError) return "closed"
  if (error instanceof LaggedError) return "lagged"
  return signal.aborted ? "cancelled" : "failed"
}
