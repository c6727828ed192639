import type { Log } from "../log.ts"
import type { HubObserver, StreamEndReason } from "./hub-observer.ts"

/** Ends of streams that tell of a reader which was too slow. */
const SLOW_ENDS: ReadonlySet<StreamEndReason> = new Set(["cut", "lagged"])

/** Answers that are a part of reading, such as to a key that is absent. */
const COMMON_REFUSALS: ReadonlySet<string> = new Set(["ERR_KEY_ABSENT", "ERR_TIMEOUT"])

/**
 * Logs the facts of a hub that operators ask for: readers at `debug`, slow readers, refusals, lists
 * of sources, full memory.
 *
 * @param log gets lines that the hub causes.
 * @param rare gets lines that clients can cause; it is bounded: see `rareLog`.
 */
export function logObserver(log: Log, rare: Log): HubObserver {
  return {
    onStream: (stream) => log("a reader came", { ...stream }, "debug"),
    onStreamEnd(end) {
      const { topic, reason } = end
      log(`a reader left: ${reason}`, { ...end, durationMs: Math.round(end.durationMs) }, "debug")
      if (SLOW_ENDS.has(reason)) rare(`a slow reader was ended: ${reason}`, { topic }, "warn")
    },
    onConflation: (conflation) => rare("a slow reader got merged changes", conflation, "debug"),
    onReset: (reset) => rare(`a reader had to begin anew: ${reset.reason}`, reset, "debug"),
    onRefusal({ at, code }) {
      rare(`refused a ${at}: ${code}`, { code }, COMMON_REFUSALS.has(code) ? "debug" : "info")
    },
    onResync({ topic, entries, durationMs }) {
      log("listed the source", { topic, entries, durationMs: Math.round(durationMs) })
    },
    onMemoryFull: ({ topic }) => rare("the memory of the topic is full", { topic }, "warn"),
  }
}
