import type { Status, SyncErrorCode } from "@headwater/core"
import type { Effect, Held } from "./sync-state.ts"

/**
 * Says a status, where it is another than before.
 *
 *   waiting     nothing was ever whole, also while the first list is read
 *   resyncing   a list is read because the watch cannot go on; the last whole state is served
 *   in-sync     the list has ended, or the watch has told what the source had when it was asked
 *   stale       the source does not answer, or its watch was lost twice in a row
 *
 * So the first is `waiting`, the second `in-sync`, and `waiting` never comes back. A watch that is
 * lost once and goes on at once is not reported to readers.
 *
 * A failure is reported until a list has ended or a watch has caught up: a list that only begins
 * proves nothing, and a status that changed with each attempt would never have lasted long enough
 * for an alarm.
 */
export function say(held: Held, status: Status, code?: SyncErrorCode): Said {
  if (status === "resyncing" && held.code !== undefined) return { held, effects: [] }
  const spoken = !held.served && status !== "in-sync" ? "waiting" : status
  if (spoken === held.status && code === held.code) return { held, effects: [] }
  return {
    held: { ...held, status: spoken, code },
    effects: [{ type: "status", status: spoken, code }],
  }
}

/** What is held when it was said, and what is to be done: nothing when it was said before. */
export interface Said {
  readonly held: Held
  readonly effects: readonly Effect[]
}
