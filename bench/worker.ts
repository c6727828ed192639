/**
 * The process of one visit, in the runtime that is measured: reads its task from the environment,
 * does it, and writes its result, a line of JSON each. The arguments are the subject's own.
 */
import { exitSaying, say } from "./channel.ts"
import { loadScenario } from "./scenarios.ts"
import type { Task } from "./task.ts"

async function main(): Promise<void> {
  const task = JSON.parse(process.env.HEADWATER_BENCH_TASK ?? "") as Task
  const scenario = await loadScenario(task.scenario)
  const measurements = await scenario.visit(task)
  // One that serves goes on until its input ends.
  if (scenario.drive === undefined) exitSaying({ type: "found", measurements })
}

try {
  await main()
} catch (error) {
  say({ type: "failed", reason: error instanceof Error ? String(error.stack) : String(error) })
  process.exitCode = 1
}
