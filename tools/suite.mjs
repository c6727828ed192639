import { mkdirSync, readFileSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { run } from "./run.mjs"
import { cacheFolder, root } from "./workspace.mjs"

const VITEST = join(root, "node_modules/vitest/vitest.mjs")

/** A suite that has not ended by then hangs: a loaded machine takes ten minutes for the longest. */
const SUITE_MS_MAX = 1_800_000

/**
 * Runs vitest once.
 *
 * `runtime` is as `findRuntime` gives it; `args` are vitest's own. Resolves with what a stage
 * of the report returns: numbers of tests, and the whole output if any failed.
 */
export async function runSuite({ name, runtime, args, env, onLine, timeoutMs = SUITE_MS_MAX }) {
  const report = join(cacheFolder, "tests", `${name}.json`)
  rmSync(report, { force: true })
  mkdirSync(dirname(report), { recursive: true })

  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`]
  const command = [...runtime.testArgs, VITEST, "run", ...args, ...reporters]
  const { code, output, timedOut } = await run(runtime.binary, command, {
    env: { NO_COLOR: "1", FORCE_COLOR: undefined, ...env },
    timeoutMs,
    onLine: (line) => isProgress(line) && onLine?.(line.trim()),
  })
  const counts = readCounts(report)
  if (timedOut) return { ...counts, failure: `${output}\nstopped after ${timeoutMs / 1000} s` }
  if (code !== 0 || !counts) return { ...counts, failure: `${output}\nexit code ${code}` }
  return counts
}

/** Of what vitest says, one line a file; the rest is shown when something fails. */
function isProgress(line) {
  return /^\s*[✓✗❯×↓] \S+\.test\.ts/.test(line)
}

function readCounts(path) {
  try {
    const told = JSON.parse(readFileSync(path, "utf8"))
    return {
      passed: told.numPassedTests,
      failed: told.numFailedTests,
      skipped: told.numPendingTests + told.numTodoTests,
    }
  } catch (error) {
    if (error.code === "ENOENT" || error instanceof SyntaxError) return undefined // it broke off
    throw error
  }
}
