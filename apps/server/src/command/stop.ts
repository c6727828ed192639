import type { Hub } from "../hub.ts"
import type { Listener, Runtime } from "../runtime/runtime.ts"

/** Time for answers on their way to end, in ms, and after that or the drain to close all. */
const ANSWERS_MS = 2_000
const CLOSE_MS = 500

/** Signals so close together are one, in ms: npx hands Ctrl-C of the terminal on once more. */
const SAME_MS = 50

/**
 * Resolves with the exit code once the process was told to stop, and its readers have left. A
 * second signal ends it at once.
 */
export function stopped(
  runtime: Runtime,
  hub: Hub,
  listener: Listener,
  metricsListener: Listener | undefined,
): Promise<number> {
  return new Promise((resolve) => {
    let toldAt: number | undefined
    runtime.onStop(() => {
      const now = hub.clock.elapsed()
      if (toldAt === undefined) {
        toldAt = now
        hub.log("stopping", { readers: hub.streams.size })
        stop(hub, [listener, ...(metricsListener ? [metricsListener] : [])])
          .catch((error) => console.error(error))
          .finally(() => resolve(0))
      } else if (now - toldAt > SAME_MS) {
        hub.log("stopping at once: told to stop a second time", { streams: hub.streams.size })
        resolve(0)
      }
    })
  })
}

async function stop(hub: Hub, listeners: readonly Listener[]): Promise<void> {
  hub.drain.begin()
  const lateMs = Math.max(hub.drain.leftMs, ANSWERS_MS) + CLOSE_MS
  const late = hub.clock.sleep(lateMs, new AbortController().signal)
  await Promise.race([late, leave(hub, listeners)])
}

// Lists that are on their way need their topics until they have ended; metrics show it all.
async function leave(hub: Hub, listeners: readonly Listener[]): Promise<void> {
  await hub.drain.ended
  for (const listener of listeners) await listener.close()
  await hub.close(0)
}
