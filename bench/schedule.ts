import type { Options } from "./arguments.ts"
import type { Scenario } from "./scenario.ts"
import type { Task } from "./task.ts"

/** The choices from which the visits of a run follow. */
export type ScheduleOptions = Pick<Options, "runtimes" | "sizeName" | "rounds" | "seed">

/**
 * The visits of a scenario, in order: a runtime after the other, a size after the other, and in
 * each of them rounds in which every subject has its turn: A B C, A B C. So what changes while it
 * lasts, such as another program's load, meets all of them.
 */
export function visitsOf(
  scenario: Scenario,
  { runtimes, sizeName, rounds: thirds, seed }: ScheduleOptions,
): Task[] {
  const leader = runtimes.find((name) => name.startsWith("node")) ?? runtimes[0]
  const length = Math.ceil((scenario.rounds[sizeName] * thirds) / 3)
  const rounds = Array.from({ length }, (_, round) => round)
  return runtimes.flatMap((runtime) =>
    scenario.sizes[sizeName].flatMap((size) =>
      rounds.flatMap((round) =>
        scenario.subjects.map((subject) => ({
          scenario: scenario.name,
          subject,
          size,
          sizeName,
          seed,
          runtime,
          leads: runtime === leader && round === 0,
        })),
      ),
    ),
  )
}
