import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { availableParallelism, cpus, platform, release, totalmem } from "node:os"
import type { Options } from "./arguments.ts"
import { findRowFaults, type Row } from "./rows.ts"
import type { RuntimeBinary } from "./subject-process.ts"

/** A run: its rows, and what they were measured on. */
export interface Results {
  /** Of this format. */
  readonly schema: 1
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly size: string
  readonly seed: number
  /** Short hash; with `+` when there were changes that no commit has. */
  readonly commit: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryBytes: number
    readonly system: string
  }
  /** Of the runtimes and of the peers. */
  readonly versions: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
  /** Duration of each scenario on each runtime, in seconds: `{ "trie node24": 120 }`. */
  readonly seconds: Readonly<Record<string, number>>
  /** Visits that failed, with the reason: `scenario runtime subject: reason`. */
  readonly failures: readonly string[]
}

/** Describes this machine and this checkout, for the head of the results. */
export function describeRun(
  options: Options,
  runtimes: Readonly<Record<string, RuntimeBinary>>,
  root: URL,
): Omit<Results, "rows" | "seconds" | "failures"> {
  return {
    schema: 1,
    startedAt: new Date().toISOString(),
    size: options.sizeName,
    seed: options.seed,
    commit: commitOf(root),
    machine: {
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      system: `${platform()} ${/^\d+\.\d+/.exec(release())?.[0] ?? ""}`,
    },
    versions: {
      ...Object.fromEntries(options.runtimes.map((name) => [name, versionOf(runtimes[name])])),
      ...peersOf(root),
    },
  }
}

/**
 * Reads results that were written before.
 *
 * @throws {TypeError} they are not of this format: with every fault.
 */
export function readResults(path: string): Results {
  const results = JSON.parse(readFileSync(path, "utf8")) as Results
  if (results?.schema !== 1) throw new TypeError(`${path} holds no results of schema 1`)
  const faults = results.rows.flatMap((row, index) =>
    findRowFaults(row).map((fault) => `row ${index}: ${fault}`),
  )
  if (faults.length > 0) throw new TypeError(`${path}: ${faults.join("; ")}`)
  return results
}

/** Results as text: a line for each row, so that a change of one is one line. */
export function formatResults(results: Results): string {
  const { rows, ...head } = results
  const lines = rows.map((row) => `    ${JSON.stringify(row)}`)
  const text = JSON.stringify(head, undefined, 2)
  return `${text.slice(0, -2)},\n  "rows": [\n${lines.join(",\n")}\n  ]\n}\n`
}

/**
 * Merges earlier results with new ones: for a scenario on a runtime, the newer ones count.
 *
 * @throws {TypeError} the machine is another one, or the size.
 */
export function addResults(before: Results, now: Results): Results {
  if (before.machine.cpu !== now.machine.cpu || before.size !== now.size) {
    throw new TypeError("results of another machine or size cannot be added to")
  }
  const nameOf = ({ scenario, runtime }: Row) => `${scenario} ${runtime}`
  const isNew = new Set(now.rows.map(nameOf))
  const commits = new Set([...before.commit.split(", "), now.commit])
  return {
    ...now,
    commit: [...commits].join(", "),
    versions: { ...before.versions, ...now.versions },
    rows: [...before.rows.filter((row) => !isNew.has(nameOf(row))), ...now.rows],
    seconds: { ...before.seconds, ...now.seconds },
    failures: [...before.failures, ...now.failures],
  }
}

function commitOf(root: URL): string {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8" })
  const commit = git("rev-parse", "--short=12", "HEAD").stdout?.trim()
  if (!commit) return "unknown"
  return git("status", "--porcelain").stdout?.trim() ? `${commit}+` : commit
}

function versionOf(runtime: RuntimeBinary | undefined): string {
  if (runtime === undefined) return "absent"
  const { stdout } = spawnSync(runtime.binary, ["--version"], { encoding: "utf8" })
  return /\d+\.\d+\.\d+\S*/.exec(stdout ?? "")?.[0] ?? "unknown"
}

/** The pinned versions of the peers, and of the libraries that serve. */
function peersOf(root: URL): Record<string, string> {
  const { dependencies } = JSON.parse(
    readFileSync(new URL("bench/package.json", root), "utf8"),
  ) as { dependencies: Record<string, string> }
  return dependencies
}
