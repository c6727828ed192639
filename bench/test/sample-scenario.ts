import type { Scenario } from "../scenario.ts"
import type { Task } from "../task.ts"

/** A scenario for tests of what stands around scenarios. It measures nothing. */
export function scenarioOf(subjects: readonly string[], control: string): Scenario {
  return {
    name: "sample",
    question: "What is a sample?",
    control,
    subjects,
    sizes: { full: [1_000, 100_000], smoke: [1_000] },
    rounds: { full: 3, smoke: 1 },
    visit: async () => [],
  }
}

/** A visit of that scenario. */
export function taskOf(subject: string): Task {
  return {
    scenario: "sample",
    subject,
    size: 1_000,
    sizeName: "smoke",
    seed: 42,
    runtime: "node",
    leads: false,
  }
}
