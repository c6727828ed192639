/**
 * `npm run bench -- [--scenario A,B] [--runtime C,D] [--size smoke|full] [--seed N] [--json PATH]
 * [--compare PATH]`
 *
 * Has every subject of every scenario measured on every runtime, each visit in a process of its
 * own, and writes rows, a report and charts. Exits with 1 when a visit failed or an answer was
 * wrong. Started by tools/bench.mjs, which finds the runtimes.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { ArgumentError, type Options, readOptions } from "./arguments.ts"
import { findMoves, formatMoves } from "./compare.ts"
import { Progress } from "./progress.ts"
import { reportOf } from "./report.ts"
import { describeRun, type Results, readResults } from "./results.ts"
import { type Row, toRows, type Visited } from "./rows.ts"
import type { Scenario } from "./scenario.ts"
import { loadScenario, scenarioNames } from "./scenarios.ts"
import { visitsOf } from "./schedule.ts"
import { type RuntimeBinary, SubjectProcess } from "./subject-process.ts"
import type { Measurement, Task } from "./task.ts"

/** This file is bench/dist/run.js. */
const root = new URL("../../", import.meta.url)

/** A visit that takes longer hangs. */
const VISIT_MS_MAX = { full: 600_000, smoke: 60_000 } as const

/** Visits at once. A smoke run times nothing; a full run has the machine for itself. */
const VISITS_AT_ONCE = { full: 1, smoke: 2 } as const

const runtimes = JSON.parse(process.env.HEADWATER_BENCH_RUNTIMES ?? "{}") as Readonly<
  Record<string, RuntimeBinary>
>

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130))
  const options = optionsOf(process.argv.slice(2))
  const before = options.compare === undefined ? undefined : readResults(options.compare)
  const head = describeRun(options, runtimes, root)
  console.log(`seed ${options.seed}, size ${options.sizeName}: ${options.runtimes.join(", ")}`)

  const scenarios = await Promise.all(options.scenarios.map(loadScenario))
  const total = scenarios.reduce((sum, scenario) => sum + visitsOf(scenario, options).length, 0)
  const progress = new Progress(total)
  const rows: Row[] = []
  const failures: string[] = []
  for (const scenario of scenarios) {
    rows.push(...toRows(scenario, await visitAll(scenario, options, progress, failures)))
  }
  progress.end()
  const results: Results = { ...head, rows, failures }
  write(results, scenarios, options)
  if (before !== undefined) process.stdout.write(formatMoves(findMoves(before, results)))
  for (const failure of failures) console.error(`failed: ${failure}`)
  process.exitCode = failures.length > 0 ? 1 : 0
}

function optionsOf(args: readonly string[]): Options {
  try {
    return readOptions(args, { scenarios: scenarioNames, runtimes: Object.keys(runtimes) })
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

/** All visits of a scenario. One that fails is noted, and the others go on. */
async function visitAll(
  scenario: Scenario,
  options: Options,
  progress: Progress,
  failures: string[],
): Promise<Visited[]> {
  const tasks = visitsOf(scenario, options)
  const visited = new Map<Task, readonly Measurement[]>()
  const pending = tasks.values()
  const work = async () => {
    for (const task of pending) {
      const { runtime, subject, size } = task
      const what = `${scenario.name} · ${runtime} · ${size} · ${subject}`
      progress.begin(what)
      try {
        visited.set(task, await visit(scenario, task))
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? error.message : error}`)
      }
      progress.ended(what)
    }
  }
  await Promise.all(Array.from({ length: VISITS_AT_ONCE[options.sizeName] }, work))
  return tasks.flatMap((task) => {
    const measurements = visited.get(task)
    return measurements === undefined ? [] : [{ task, measurements }]
  })
}

async function visit(scenario: Scenario, task: Task): Promise<readonly Measurement[]> {
  const runtime = runtimes[task.runtime]
  if (runtime === undefined) throw new Error(`${task.runtime} is not here`)
  const args = scenario.argumentsOf?.(task) ?? []
  const timeoutMs = VISIT_MS_MAX[task.sizeName]
  const subject = new SubjectProcess(task, runtime, { args, timeoutMs })
  try {
    if (scenario.drive !== undefined) return await scenario.drive(task, subject)
    return (await subject.next("found")).measurements
  } finally {
    await subject.end()
  }
}

function write(results: Results, scenarios: readonly Scenario[], options: Options): void {
  const json = options.json ?? join(defaultFolder(results), "results.json")
  const folder = dirname(json)
  mkdirSync(folder, { recursive: true })
  writeFileSync(json, `${JSON.stringify(results, undefined, 2)}\n`)
  for (const { name, text } of reportOf(results, scenarios)) {
    writeFileSync(join(folder, name), text)
  }
  console.log(`${results.rows.length} rows: ${relative(".", json)}, and beside it report.md`)
}

/** What a smoke run finds is not kept among the results. */
function defaultFolder({ size, startedAt }: Results): string {
  const path = size === "full" ? `bench/results/${startedAt.slice(0, 10)}` : ".cache/bench"
  return fileURLToPath(new URL(path, root))
}

await main()
