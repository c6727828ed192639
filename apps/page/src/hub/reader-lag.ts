import { METRIC, metrics, metricsState } from "./hub-state.ts"
import { maxOf } from "./metrics.ts"

/** The lag of a topic's slowest reader in ms, where the hub's metrics tell it. */
export function worstLag(topic?: string): number | undefined {
  if (metricsState.value !== "ok") return undefined
  const seconds = maxOf(metrics.value, METRIC.lag, topic)
  return seconds === undefined ? undefined : seconds * 1000
}
