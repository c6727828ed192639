import { SnapshotCache } from "@headwater/cache"
import { type Source, systemClock } from "@headwater/core"
import { Syncer } from "@headwater/syncer"
import type { Follower } from "./follower.ts"

const never = new AbortController().signal
const text = new TextDecoder()

/** Ours: a syncer that keeps a snapshot cache, as a hub has it, but without a server. */
export function headwaterFollower(source: Source, put: Follower["put"]): Follower {
  const clock = systemClock
  const cache = new SnapshotCache({ clock })
  const options = { source, cache, clock, random: Math.random, epochSalt: "bench" }
  return {
    async start() {
      void new Syncer(options).run(never)
      while (cache.report.status !== "in-sync") await cache.changes.wait(never)
    },
    size: () => cache.current?.snapshot.size ?? 0,
    get: (key) => {
      const value = cache.current?.snapshot.get(key)
      return value && text.decode(value)
    },
    changed: () => cache.changes.wait(never),
    put,
  }
}
