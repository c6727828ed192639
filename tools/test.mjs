/**
 * `npm test -- [--check | --full] [--on RUNTIME,…]`
 *
 * Everything that CI does, in its order: install, house rules, types, lint and format, build, the
 * suites on every runtime with a real etcd, what is published, the benchmarks' smoke, end to end.
 *
 *   --check   the part that needs neither other runtimes nor etcd nor Chromium
 *   --full    the long suites in full size (`HEADWATER_FULL=1` for the tests)
 *   --on      only these of: node, node22, node24, bun, deno
 *
 * The whole suite runs on the oldest Node, on Bun and on Deno. Newer Nodes share the tests that
 * reach a runtime API (tools/runtime-tests.mjs finds them); each runs all of them with `--full`.
 *
 * The last line is `N passed, N failed`: tests of every run, and stages. What could not be run is
 * listed before it, and counts as failed when `CI=true`.
 */
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { build, buildWasm } from "./build.mjs"
import { install } from "./install.mjs"
import { examine, pack, publishedWorkspaces, unpack } from "./pack.mjs"
import { tryPackedCommand } from "./packed-command.mjs"
import { findPackingFaults } from "./packed-files.mjs"
import { Report } from "./report.mjs"
import { endTogether, run } from "./run.mjs"
import { runtimeTests } from "./runtime-tests.mjs"
import { findRuntime, runtimeNames } from "./runtimes.mjs"
import { runSuite } from "./suite.mjs"
import { findProgram } from "./system.mjs"
import { root } from "./workspace.mjs"

/** The Node that runs this: 20.19 or newer. */
const systemNode = { binary: process.execPath, args: [], testArgs: [] }

const HOUSE = "packages/testing/test/house"

async function main() {
  const options = parseArguments(process.argv.slice(2))
  endTogether()
  const report = new Report()
  const installed = await report.stage("install", async () => failureOf(await install()))
  if (installed) await check(report, options)
  process.exit(report.finish({ strict: process.env.CI === "true" }))
}

function parseArguments(args) {
  const options = { check: false, full: false, on: ["node", ...runtimeNames] }
  for (let index = 0; index < args.length; index++) {
    if (args[index] === "--check") options.check = true
    else if (args[index] === "--full") options.full = true
    else if (args[index] === "--on") options.on = (args[++index] ?? "").split(",")
    else refuse(`unknown argument ${args[index]}`)
  }
  for (const name of options.on) {
    if (name !== "node" && !runtimeNames.includes(name)) refuse(`unknown runtime ${name}`)
  }
  if (options.check) options.on = ["node"]
  return options
}

function refuse(message) {
  process.stderr.write(`${message}; see the head of tools/test.mjs\n`)
  process.exit(2)
}

async function check(report, options) {
  const env = options.full ? { HEADWATER_FULL: "1" } : {}
  // Types and suites read what the core's build generates.
  const hasCore = await report.stage("build the core", async () => failureOf(await buildWasm()))
  await checkText(report)
  if (!hasCore) return
  const built = await report.stage("build", async () => failureOf(await build()))
  if (!options.check) Object.assign(env, await findPrograms(report, options))

  const others = await findRuntimes(report, options)
  if (options.on.includes("node")) await runUnitSuite(report, "node", systemNode, env)
  for (const [name, runtime] of others) await runUnitSuite(report, name, runtime, env)
  if (!built) return

  await checkPackages(report, new Map([["node", systemNode], ...others]))
  await runSuiteIfAny(report, "bench smoke", "bench/test", {
    env: { ...env, HEADWATER_RUNTIMES: ["node", ...others.keys()].join(",") },
    args: ["bench/test"],
  })
  if (options.check) return
  await runSuiteIfAny(report, "end to end", "tools/e2e", {
    env,
    args: ["--config", "tools/e2e/vitest.config.ts"],
  })
}

/** The checks that read text and run nothing of it. */
async function checkText(report) {
  const node = (path, ...args) => run(process.execPath, [join(root, "node_modules", path), ...args])
  await report.stage("house rules", (onLine) =>
    runSuite({ name: "house", runtime: systemNode, args: [HOUSE], onLine }),
  )
  await report.stage("types", async () =>
    failureOf(await node("typescript/bin/tsc", "-p", "tsconfig.json")),
  )
  await report.stage("lint and format", async () =>
    failureOf(
      await node("@biomejs/biome/bin/biome", "check", "--colors=off", "--error-on-warnings"),
    ),
  )
  await report.stage("promises", async () =>
    failureOf(
      await node(
        "oxlint/bin/oxlint",
        "--type-aware",
        "--deny-warnings",
        "--report-unused-disable-directives",
      ),
    ),
  )
}

/** Resolves with the environment that tells tests what is there, so that none skips in silence. */
async function findPrograms(report, options) {
  const env = {}
  // Without --full, tests of the others are skipped where their program is not there.
  const more = options.full ? ["nginx", "caddy", "haproxy", "varnish", "prometheus", "go"] : []
  for (const name of ["etcd", "chromium", ...more]) {
    await report.stage(name, async (onLine) => {
      const found = await findProgram(name, () => onLine("installing"))
      if (found.missing) return { notRun: found.missing }
      env[`HEADWATER_REQUIRE_${name.toUpperCase()}`] = "1"
      env[`HEADWATER_${name.toUpperCase()}`] = found.path
      return undefined
    })
  }
  return env
}

/** Resolves with the runtimes that are here, by name. */
async function findRuntimes(report, options) {
  const wanted = options.on.filter((name) => name !== "node")
  const found = new Map()
  for (const name of wanted) {
    await report.stage(`runtime ${name}`, async (onLine) => {
      const runtime = await findRuntime(name, () => onLine("installing"))
      if (runtime.missing) return { notRun: runtime.missing }
      found.set(name, runtime)
      return undefined
    })
  }
  return found
}

function runUnitSuite(report, name, runtime, env) {
  const exclude = ["--exclude", "bench/**", "--exclude", `${HOUSE}*`, "--exclude", `${HOUSE}/**`]
  const isNewerNode = /^node\d/.test(name) && env.HEADWATER_FULL === undefined
  const newerNodes = runtimeNames.filter((other) => /^node\d/.test(other))
  const files = isNewerNode ? runtimeTests(newerNodes.indexOf(name), newerNodes.length) : []
  // Playwright drives a browser from Node; what runs in the browser does not depend on it.
  if (name !== "node") exclude.push("--exclude", "**/*.browser.test.ts")
  return report.stage(`tests on ${name}`, (onLine) =>
    runSuite({
      name,
      runtime,
      args: [...files, ...exclude],
      env: { ...env, HEADWATER_RUNTIME: name },
      onLine,
    }),
  )
}

function runSuiteIfAny(report, label, folder, suite) {
  if (!hasTests(folder)) return undefined
  return report.stage(label, (onLine) =>
    runSuite({ name: label.replaceAll(" ", "-"), runtime: systemNode, onLine, ...suite }),
  )
}

function hasTests(folder) {
  if (!existsSync(join(root, folder))) return false
  const names = readdirSync(join(root, folder), { recursive: true })
  return names.some((name) => name.endsWith(".test.ts"))
}

/** Checks the tarballs: their shape, and that each runtime can import them. */
async function checkPackages(report, runtimes) {
  let tarballs
  await report.stage("pack", async () => {
    const packed = await pack()
    tarballs = packed.tarballs
    return packed.failure ? { failure: packed.failure } : undefined
  })
  if (!tarballs) return
  await report.stage("files of the tarballs", async () => {
    const found = publishedWorkspaces().map((workspace) =>
      findPackingFaults(workspace, tarballs[workspace.manifest.name]),
    )
    const faults = (await Promise.all(found)).flat()
    return faults.length > 0 ? { failure: faults.join("\n") } : undefined
  })
  await report.stage("publint and attw", async () => {
    const objections = []
    for (const [name, tarball] of Object.entries(tarballs)) {
      const objection = await examine(name, tarball)
      if (objection) objections.push(objection)
    }
    return objections.length > 0 ? { failure: objections.join("\n") } : undefined
  })
  await importTarballs(report, tarballs, runtimes)
}

/** The oldest Node, and the runtimes whose packages are run by a launcher of their own. */
const COMMAND_ON = ["node", "bun", "deno"]

async function importTarballs(report, tarballs, runtimes) {
  const { importer, failure } = await unpack(tarballs)
  for (const [name, { binary, args }] of runtimes) {
    await report.stage(`import the tarballs on ${name}`, async () => {
      if (failure) return { failure }
      const options = { cwd: importer, timeoutMs: 60_000 }
      return failureOf(await run(binary, [...args, "import.mjs"], options))
    })
    if (failure || !COMMAND_ON.includes(name)) continue
    await report.stage(`the command of the tarballs on ${name}`, async () => {
      const wrong = await tryPackedCommand(importer, name, { binary, args })
      return wrong ? { failure: wrong } : undefined
    })
  }
}

function failureOf(result) {
  if (!result || result.code === 0) return undefined
  return { failure: `${result.output}\nexit code ${result.code}` }
}

await main()
