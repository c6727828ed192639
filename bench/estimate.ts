import type { Scenario } from "./scenario.ts"
import { type ScheduleOptions, visitsOf } from "./schedule.ts"

/**
 * Seconds of one visit at full size, the mean over subjects, sizes and runtimes, on two cores that
 * no other program uses. The `seconds` of results say what it was. Scenarios not named are taken
 * for 10.
 */
const VISIT_SECONDS: Readonly<Record<string, number>> = {
  trie: 7,
  memory: 8,
  pause: 17,
  resume: 6,
  load: 0.5,
  fanout: 5,
  serve: 3.5,
  "serve-flood": 10,
  "serve-join": 13,
  "serve-stalled": 45,
  sync: 8,
}

/** A smoke visit is mostly the start of a process; two run at once. */
const SMOKE_VISIT_SECONDS = 0.2

/** Estimated duration of a scenario, in minutes. A busy machine needs two or three times that. */
export function estimateMinutes(scenario: Scenario, options: ScheduleOptions): number {
  const visits = visitsOf(scenario, options).length
  const full = VISIT_SECONDS[scenario.name] ?? 10
  return (visits * (options.sizeName === "full" ? full : SMOKE_VISIT_SECONDS)) / 60
}

/** `~12 min`, or `~20 s` below two minutes. */
export function formatMinutes(minutes: number): string {
  return minutes < 2 ? `~${Math.max(1, Math.round(minutes * 60))} s` : `~${Math.round(minutes)} min`
}
