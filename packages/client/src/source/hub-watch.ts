import type { Delta, Revision, WatchEvent } from "@headwater/core"
import { SourceError } from "@headwater/core"
import { readStreamId } from "@headwater/protocol"
import type { HubFrame } from "./hub-frames.ts"

/**
 * Makes a watch of a stream that was asked to resume: the changes between two ids are one commit,
 * with a delta for each key that it changed.
 *
 * Decision: docs/decisions/sources.md, “A hub sends runs to a hub”.
 *
 * @param epoch the epoch of all positions.
 * @param known the revision up to which everything is known.
 */
export async function* hubWatch(
  frames: AsyncIterable<HubFrame>,
  epoch: string,
  known: Revision,
): AsyncGenerator<WatchEvent, void, undefined> {
  const run = new Map<string, Delta>()
  for await (const frame of frames) {
    switch (frame.type) {
      case "hello":
        if (frame.epoch !== epoch) return yield lost("replaced")
        // At revision 0 nothing is known, and nothing can be resumed: only of an empty topic is the
        // stream the whole history.
        if (!frame.resumed && known > 0) return yield lost("compacted")
        break
      case "reset":
        return yield lost(frame.epoch === epoch ? "compacted" : "replaced")
      case "snapshot":
        return yield lost("compacted")
      case "delta":
      case "sync": {
        if (frame.type === "delta" && !take(run, frame.deltas, known)) {
          return yield lost("compacted")
        }
        if (!frame.id) break
        const { revision } = readStreamId(frame.id)!
        if (run.size > 0) {
          const deltas = [...run.values()]
          yield { type: "commits", commits: [{ revision, changes: [], deltas }] }
        } else if (frame.type === "sync" || revision > known) yield { type: "progress", revision }
        known = Math.max(known, revision)
        run.clear()
        break
      }
      case "status":
        break
      case "goodbye":
        return yield lost("closed", new SourceError(`the hub ended the stream: ${frame.reason}`))
      case "fault": {
        const error = new SourceError(`the hub failed: ${frame.code}`)
        return yield lost(frame.retry === "resync" ? "compacted" : "closed", error)
      }
      default:
        // A new type of frame does not compile here until it has a case.
        frame satisfies never
    }
  }
  yield lost("closed")
}

// Merges deltas into a run. A revision that is not above the key's own, or is known, is a repeat.
// False for an impossible delta: a touch of a deleted key.
function take(run: Map<string, Delta>, deltas: readonly Delta[], known: Revision): boolean {
  for (const delta of deltas) {
    const { key, op, revision } = delta
    const before = run.get(key)
    if (revision <= (before?.revision ?? known)) continue
    if (op === "touch" && before?.op === "delete") return false
    run.set(key, op === "touch" && before?.op === "put" ? { ...before, revision } : delta)
  }
  return true
}

function lost(reason: "compacted" | "closed" | "replaced", error?: Error): WatchEvent {
  return { type: "lost", reason, ...(error && { error }) }
}
