import { connect } from "@headwater/client"
import { commitsOf } from "@headwater/client/follow"

/** The observations of a consumer, as values: it may be in another process. */
export interface Seen {
  readonly position: { readonly epoch: string; readonly revision: number } | undefined
  readonly digest: string
  /** Key, value as JSON, revision; sorted by key. */
  readonly entries: readonly (readonly [key: string, value: string, revision: number])[]
  /** The same, less revisions, as `changes()` told it. */
  readonly replayed: readonly (readonly [key: string, value: string])[]
  /** Commits after which two keys that are always written together differed. */
  readonly torn: number
  readonly mismatches: number
  readonly proven: number
  readonly resets: readonly string[]
  readonly lost: number
  readonly state: string
}

/** A replica, and a consumer who replays its changes. Runs in Node and in pages. */
export interface Consumer {
  seen(): Seen
  close(): Promise<void>
}

/**
 * Follows a topic, in a hurry: time runs `haste` times as fast for it, so that silence and back-off
 * are over sooner.
 */
export function consume(url: string, topic: string, haste: number): Consumer {
  const resets: string[] = []
  let lost = 0
  let torn = 0
  const replica = connect({
    url,
    topic,
    token: () => "anybody",
    clock: {
      now: () => Date.now(),
      elapsed: () => performance.now() * haste,
      after(delayMs, task) {
        const timer = setTimeout(task, delayMs / haste)
        return () => clearTimeout(timer)
      },
    },
    report(report) {
      if (report.type === "reset") resets.push(report.reason)
      if (report.type === "lost") lost += 1
    },
  })
  const replayed = new Map<string, string>()
  const replay = async () => {
    for await (const { changes } of commitsOf(replica)) {
      for (const change of changes) {
        if (change.type === "deleted") replayed.delete(change.previous.key)
        else replayed.set(change.entry.key, JSON.stringify(change.entry.value))
      }
      if (replayed.get("pair/a") !== replayed.get("pair/b")) torn += 1
    }
  }
  const replaying = replay().catch(() => {})
  return {
    seen: () => ({
      position: replica.position,
      digest: replica.digest,
      entries: [...replica.entries()]
        .map(({ key, value, revision }) => [key, JSON.stringify(value), revision] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
      replayed: [...replayed].sort(([a], [b]) => (a < b ? -1 : 1)),
      torn,
      mismatches: replica.proven.mismatches,
      proven: replica.proven.count,
      resets,
      lost,
      state: replica.status.state,
    }),
    async close() {
      await replica.close()
      await replaying
    },
  }
}
