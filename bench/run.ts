/**
 * `npm run bench -- [--scenario A,B] [--runtime C,D] [--size smoke|full] [--rounds 1|2|3]
 * [--seed N] [--json PATH] [--add] [--compare PATH]`, or `npm run bench -- --publish PATH`
 *
 * Has every subject of every scenario measured on every runtime, each visit in a process of its
 * own, and writes rows, a report and charts. Exits with 1 when a visit failed or an answer was
 * wrong. Started by tools/bench.mjs, which finds the runtimes.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { ArgumentError, type Options, readOptions } from "./arguments.ts"
import { findMoves, formatMoves } from "./compare.ts"
import { estimateMinutes, formatMinutes } from "./estimate.ts"
import { Progress } from "./progress.ts"
import { publish, publishedPath } from "./publish.ts"
import { reportOf } from "./report.ts"
import { addResults, describeRun, formatResults, type Results, readResults } from "./results.ts"
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

interface TimedVisit extends Visited {
  /** Duration in seconds, with the start of its process. */
  readonly ms: number
}

const runtimes = JSON.parse(process.env.HEADWATER_BENCH_RUNTIMES ?? "{}") as Readonly<
  Record<string, RuntimeBinary>
>

async function main(): Promise<void> {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130))
  const options = optionsOf(process.argv.slice(2))
  if (options.publish !== undefined) return await publish(options.publish, root)
  const before = options.compare === undefined ? undefined : readResults(comparedOf(options))
  const head = describeRun(options, runtimes, root)
  console.log(`seed ${options.seed}, size ${options.sizeName}: ${options.runtimes.join(", ")}`)

  const scenarios = (await Promise.all(options.scenarios.map(loadScenario))).filter(isPossible)
  const minutes = scenarios.map((scenario) => estimateMinutes(scenario, options))
  const all = minutes.reduce((sum, one) => sum + one, 0)
  console.log(`all of it: ${formatMinutes(all)}, ends at ${formatTime(all)}`)
  const total = scenarios.reduce((sum, scenario) => sum + visitsOf(scenario, options).length, 0)
  const progress = new Progress(total)
  const rows: Row[] = []
  const failures: string[] = []
  const seconds: Record<string, number> = {}
  for (const [index, scenario] of scenarios.entries()) {
    progress.say(`${scenario.name}: ${formatMinutes(minutes[index] ?? 0)}`)
    const visited = await visitAll(scenario, options, progress, failures)
    rows.push(...toRows(scenario, visited))
    Object.assign(seconds, secondsOf(scenario, visited))
  }
  progress.end()
  const found: Results = { ...head, rows, seconds, failures }
  const json = options.json ?? join(defaultFolder(found), "results.json")
  const results = write(found, json, options)
  await report(results, json)
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

function isPossible(scenario: Scenario): boolean {
  const missing = scenario.missing?.()
  if (missing !== undefined) console.error(`without ${scenario.name}: ${missing}`)
  return missing === undefined
}

/** All visits of a scenario. One that fails is noted, and the others go on. */
async function visitAll(
  scenario: Scenario,
  options: Options,
  progress: Progress,
  failures: string[],
): Promise<TimedVisit[]> {
  const tasks = visitsOf(scenario, options)
  const visited = new Map<Task, TimedVisit>()
  const pending = tasks.values()
  const work = async () => {
    for (const task of pending) {
      const { runtime, subject, size } = task
      const what = `${scenario.name} · ${runtime} · ${size} · ${subject}`
      progress.begin(what)
      const began = performance.now()
      try {
        const measurements = await visit(scenario, task)
        visited.set(task, { task, measurements, ms: performance.now() - began })
      } catch (error) {
        failures.push(`${what}: ${error instanceof Error ? error.message : error}`)
      }
      progress.ended(what)
    }
  }
  await Promise.all(Array.from({ length: VISITS_AT_ONCE[options.sizeName] }, work))
  return tasks.flatMap((task) => visited.get(task) ?? [])
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

/** Duration of each scenario on each runtime, by `scenario runtime`, in whole seconds. */
function secondsOf(scenario: Scenario, visited: readonly TimedVisit[]): Record<string, number> {
  const seconds: Record<string, number> = {}
  for (const { task, ms } of visited) {
    const name = `${scenario.name} ${task.runtime}`
    seconds[name] = (seconds[name] ?? 0) + ms / 1_000
  }
  return Object.fromEntries(Object.entries(seconds).map(([name, s]) => [name, Math.round(s)]))
}

/** Writes results, report and charts. Returns all that now stands in the file. */
function write(found: Results, json: string, { add }: Options): Results {
  const results = add && existsSync(json) ? addResults(readResults(json), found) : found
  mkdirSync(dirname(json), { recursive: true })
  writeFileSync(json, formatResults(results))
  return results
}

/** Beside the results. */
async function report(results: Results, json: string): Promise<void> {
  const isThere = new Set(results.rows.map(({ scenario }) => scenario))
  const names = scenarioNames.filter((name) => isThere.has(name))
  for (const { name, text } of reportOf(results, await Promise.all(names.map(loadScenario)))) {
    writeFileSync(join(dirname(json), name), text)
  }
  console.log(`${results.rows.length} rows: ${relative(".", json)}, and beside it report.md`)
}

function comparedOf({ compare = "" }: Options): string {
  return compare === "baseline" ? publishedPath(root) : compare
}

function formatTime(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toTimeString().slice(0, 5)
}

/** Results of a smoke run are not kept. */
function defaultFolder({ size, startedAt }: Results): string {
  const path = size === "full" ? `bench/results/${startedAt.slice(0, 10)}` : ".cache/bench"
  return fileURLToPath(new URL(path, root))
}

await main()
