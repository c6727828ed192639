import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, test } from "vitest"
import { readResults } from "../results.ts"
import { loadScenario, scenarioNames } from "../scenarios.ts"

/** A run that takes longer hangs. With all runtimes and two idle cores it takes a fifth of that. */
const RUN_MS_MAX = 240_000

const root = fileURLToPath(new URL("../..", import.meta.url))
// What `npm test` has found; alone, the Node that is here.
const runtimes = (process.env.HEADWATER_RUNTIMES ?? "node").split(",")
const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"))

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs what `npm run bench` runs. Resolves with its exit code and its output. */
function bench(...args: string[]): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const command = [join(root, "tools/bench.mjs"), "--runtime", runtimes.join(","), ...args]
    const child = spawn(process.execPath, command, { cwd: root, timeout: RUN_MS_MAX })
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => {
        output += text
      })
    }
    child.on("error", reject)
    child.on("close", (code) => resolve({ code, output }))
  })
}

// For correctness alone: every process checks its answers, and a wrong one fails the run.
describe("npm run bench -- --size smoke", () => {
  const json = join(folder, "results.json")

  test(
    `every subject of every scenario is right on ${runtimes.join(", ")}`,
    async () => {
      const { code, output } = await bench("--size", "smoke", "--json", json)

      expect(code, output).toBe(0)
      const { rows, failures, seed } = readResults(json)
      expect(failures).toEqual([])
      expect(output.includes(`seed ${seed}`)).toBe(true)
      expect(await missing(rows)).toEqual([])
      expect(readdirSync(folder).includes("report.md")).toBe(true)
    },
    RUN_MS_MAX,
  )

  test(
    "--compare tells what moved since, and a run can be narrowed",
    async () => {
      const narrowed = join(folder, "narrowed.json")
      const args = ["--size", "smoke", "--scenario", "resume", "--json", narrowed]
      const { code, output } = await bench(...args, "--compare", json)

      expect(code, output).toBe(0)
      const { rows } = readResults(narrowed)
      expect(new Set(rows.map(({ scenario }) => scenario))).toEqual(new Set(["resume"]))
      expect(/(×|nothing moved)/.test(output)).toBe(true)
      expect(existsSync(narrowed)).toBe(true)
    },
    RUN_MS_MAX,
  )
})

/** Subjects that a run should have rows of, and has not. */
async function missing(rows: readonly { scenario: string; runtime: string; subject: string }[]) {
  const seen = new Set(rows.map((row) => `${row.scenario} ${row.runtime} ${row.subject}`))
  const scenarios = await Promise.all(scenarioNames.map(loadScenario))
  const expected = scenarios.flatMap(({ name, subjects }) =>
    runtimes.flatMap((runtime) => subjects.map((subject) => `${name} ${runtime} ${subject}`)),
  )
  // The parser is measured where bundles are: on one runtime.
  return expected.filter((key) => !seen.has(key) && !/^load .*eventsource-parser$/.test(key))
}
