/**
 * `npm run bench -- [--scenario A,B] [--runtime C,D] [--size smoke|full] [--rounds 1|2|3]
 * [--seed N] [--json PATH] [--add] [--compare PATH]`, or `npm run bench -- --publish PATH`
 *
 * Installs and builds what is missing, finds the runtimes, and runs the benchmarks: see
 * bench/README.md. Plain JavaScript for Node 20: it runs before anything is installed.
 */
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { fail, prepare, withProgress } from "./prepare.mjs"
import { findRuntime, runtimeNames } from "./runtimes.mjs"
import { root } from "./workspace.mjs"

const run = join(root, "bench/dist/run.js")

async function main() {
  const args = process.argv.slice(2)
  const found = await prepare(() => findRuntimes(wantedOf(args)))
  process.env.HEADWATER_BENCH_RUNTIMES = JSON.stringify(found)
  process.argv = [process.execPath, run, ...args]
  await import(pathToFileURL(run).href)
}

/**
 * The runtimes that `--runtime` names, or all. Names that are unknown are left for the benchmarks
 * to refuse.
 */
function wantedOf(args) {
  const at = args.indexOf("--runtime")
  const inline = args.find((arg) => arg.startsWith("--runtime="))?.slice("--runtime=".length)
  const names = at >= 0 ? args[at + 1] : inline
  return names === undefined ? undefined : names.split(",")
}

/**
 * The Node that runs this is `node`. Others that are not here fail only those who asked for them.
 */
async function findRuntimes(wanted) {
  const found = { node: { binary: process.execPath, args: [] } }
  for (const name of runtimeNames) {
    if (wanted !== undefined && !wanted.includes(name)) continue
    const runtime = await withProgress("installing the other runtimes", (onInstall) =>
      findRuntime(name, onInstall),
    )
    if (!runtime.missing) found[name] = { binary: runtime.binary, args: runtime.args }
    else if (wanted !== undefined) fail(`${name} is not here: ${runtime.missing}`)
    else process.stderr.write(`without ${name}: ${runtime.missing}\n`)
  }
  return found
}

await main()
