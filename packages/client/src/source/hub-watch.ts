import type { Delta, Revision, WatchEvent } from "@headwater/core"
import { SourceError } from "@headwater/core"
import { readStreamId } from "@headwater/protocol"
import type { HubFrame } from "./hub-frames.ts"

/**
 * Makes a watch of a stream that was asked to resume: what stands between two ids is one commit,
 * with a delta for each key that it changed.
 *
 * @param epoch whose positions these are.
 * @param told everything up to here is known.
 */
export async function* hubWatch(
  frames: AsyncIterable<HubFrame>,
  epoch: string,
  told: Revision,
): AsyncGenerator<WatchEvent, void, undefined> {
  const run = new Map<string, Delta>()
  for await (const frame of frames) {
    if (frame.type === "hello") {
      if (frame.epoch !== epoch) return yield lost("replaced")
      // At revision 0 nothing is known, and nothing can be resumed: only of an empty topic is what
      // follows all that there was.
      if (!frame.resumed && told > 0) return yield lost("compacted")
    } else if (frame.type === "reset") {
      return yield lost(frame.epoch === epoch ? "compacted" : "replaced")
    } else if (frame.type === "snapshot") {
      return yield lost("compacted")
    } else if (frame.type === "goodbye") {
      return yield lost("closed", new SourceError(`the hub said goodbye: ${frame.reason}`))
    } else if (frame.type === "fault") {
      const error = new SourceError(`the hub failed: ${frame.code}`)
      return yield lost(frame.retry === "resync" ? "compacted" : "closed", error)
    } else if (frame.type === "delta" || frame.type === "sync") {
      if (frame.type === "delta" && !take(run, frame.deltas, told)) return yield lost("compacted")
      if (!frame.id) continue
      const { revision } = readStreamId(frame.id)!
      if (run.size > 0) {
        yield { type: "commits", commits: [{ revision, changes: [], deltas: [...run.values()] }] }
      } else if (frame.type === "sync" || revision > told) yield { type: "progress", revision }
      told = Math.max(told, revision)
      run.clear()
    }
  }
  yield lost("closed")
}

// Merges deltas into a run. What is not above its own, or what has been told, is a repeat. False
// for what cannot be: a touch of what was deleted.
function take(run: Map<string, Delta>, deltas: readonly Delta[], told: Revision): boolean {
  for (const delta of deltas) {
    const { key, op, revision } = delta
    const before = run.get(key)
    if (revision <= (before?.revision ?? told)) continue
    if (op === "touch" && before?.op === "delete") return false
    run.set(key, op === "touch" && before?.op === "put" ? { ...before, revision } : delta)
  }
  return true
}

function lost(reason: "compacted" | "closed" | "replaced", error?: Error): WatchEvent {
  return { type: "lost", reason, ...(error && { error }) }
}
