import type { Options } from "./arguments.ts"
import type { Scenario } from "./scenario.ts"
import { visitsOf } from "./schedule.ts"

/**
 * Seconds of one visit at full size, the mean over subjects, on two shared cores: from a run, whose
 * `seconds` say it for each scenario and runtime. Scenarios that are not here are taken for 10.
 */
const VISIT_SECONDS: Readonly<Record<string, number>> = {}

/** A smoke visit is mostly the start of a process; two run at once. */
const SMOKE_VISIT_SECONDS = 0.2

/** How long a scenario will take, in minutes. Honest within a third, on a machine like that. */
export function estimateMinutes(
  scenario: Scenario,
  options: Pick<Options, "runtimes" | "sizeName" | "seed">,
): number {
  const visits = visitsOf(scenario, options).length
  const full = VISIT_SECONDS[scenario.name] ?? 10
  return (visits * (options.sizeName === "full" ? full : SMOKE_VISIT_SECONDS)) / 60
}

/** `~12 min`, or `~20 s` below two minutes. */
export function formatMinutes(minutes: number): string {
  return minutes < 2 ? `~${Math.max(1, Math.round(minutes * 60))} s` : `~${Math.round(minutes)} min`
}
