import { changesOf } from "../entry-changes.ts"
import type { Replica, ReplicaCommit } from "../replica.ts"
import type { ReplicaEntry } from "../snapshot.ts"
import { followable } from "./followable.ts"

/**
 * Follows a replica: first all of its entries, as new, once it is whole; then every commit.
 *
 * Replayed onto an empty map, the commits give the replica's state. A slow consumer gets commits
 * merged into one, with one change for each key, as *it* sees them: an entry that came and went
 * meanwhile is left out. Memory: one reference for each key with a change not yet taken.
 *
 * Ends when the replica is closed by its owner; throws when the hub refused, or with
 * `signal.reason`. Leaving the loop ends it, too.
 *
 * @throws {TypeError} `connect` did not make the replica.
 */
export async function* commitsOf<Value>(
  replica: Replica<Value>,
  signal?: AbortSignal,
): AsyncGenerator<ReplicaCommit<Value>, void, undefined> {
  const follow = followable(replica, "commitsOf")
  // The entry that the reader last saw under each key that changed since.
  const unseen = new Map<string, ReplicaEntry<Value> | undefined>()
  let unhandle: (() => void) | undefined
  try {
    for (;;) {
      const isFirst = !unhandle && replica.position
      if (isFirst) {
        // To a reader that has seen nothing, every entry is new.
        for (const { key } of replica.entries()) unseen.set(key, undefined)
        // A key that came and went since is forgotten, so that this holds no more keys than the
        // reader saw and the replica has.
        unhandle = follow.handle(({ replaced = [] }) => {
          for (const [key, previous] of replaced) {
            if (!unseen.has(key)) unseen.set(key, previous)
            else if (!unseen.get(key) && !replica.has(key)) unseen.delete(key)
          }
        })
      }
      const changes = changesOf(unseen, replica)
      unseen.clear()
      if (isFirst || changes.length > 0) yield { position: replica.position!, changes }
      else if (follow.isOver()) return
      else await follow.move(signal)
    }
  } finally {
    unhandle?.()
  }
}
