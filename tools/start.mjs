/**
 * `npm start -- [--on RUNTIME] [arguments of the hub]`
 *
 * Installs and builds what is missing, then serves the hub on the Node that runs this, or on
 * another runtime. Plain JavaScript for Node 20: it runs before anything is installed.
 *
 * The scripts of package.json say `exec node …`: npm hands a signal to the shell that it starts, and
 * a shell that waits for us would end without passing it on.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "./build.mjs"
import { install } from "./install.mjs"
import { ENDING_SIGNALS, endTogether, exitCodeOf } from "./run.mjs"
import { findRuntime, runtimeNames } from "./runtimes.mjs"
import { root, toolEnvironment } from "./workspace.mjs"

const NODE_OLDEST = [20, 19]
const hub = join(root, "apps/server/dist/main.js")

async function main() {
  const { on, hubArgs } = parseArguments(process.argv.slice(2))
  refuseOldNode()

  const runtime = await prepare(on)
  if (runtime) handOver(runtime, hubArgs)
  else await serveHere(hubArgs)
}

function parseArguments(args) {
  if (args[0] !== "--on") return { on: undefined, hubArgs: args }
  if (!runtimeNames.includes(args[1])) fail(`--on takes one of: ${runtimeNames.join(", ")}`, 2)
  return { on: args[1], hubArgs: args.slice(2) }
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split(".").map(Number)
  const [oldestMajor, oldestMinor] = NODE_OLDEST
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  fail(`Node ${NODE_OLDEST.join(".")} or newer is needed; this is ${process.versions.node}`, 2)
}

/** Installs and builds; resolves with the runtime to hand over to, if another one is asked for. */
async function prepare(on) {
  // Only while we prepare: once the hub runs, a signal is the hub's.
  const letGo = endTogether()
  await step("installing dependencies", install)
  await step("building", build)
  let runtime
  if (on) {
    const started = performance.now()
    let waited = false
    runtime = await findRuntime(on, () => {
      waited = true
      process.stderr.write("installing the other runtimes …")
    })
    if (waited) process.stderr.write(` ${seconds(started)}\n`)
    if (runtime.missing) fail(`${on} is not here: ${runtime.missing}`, 1)
  }
  letGo()
  return runtime
}

async function step(label, work) {
  const started = performance.now()
  const result = await work(() => process.stderr.write(`${label} …`))
  if (!result) return
  process.stderr.write(` ${seconds(started)}\n`)
  if (result.code !== 0) fail(`${label} failed:\n${result.output}`, 1)
}

/** One process less, and the hub hears signals first hand. */
async function serveHere(hubArgs) {
  process.argv = [process.execPath, hub, ...hubArgs]
  await import(pathToFileURL(hub).href)
}

function handOver({ binary, args }, hubArgs) {
  const child = spawn(binary, [...args, hub, ...hubArgs], {
    stdio: "inherit",
    env: toolEnvironment(),
  })
  for (const signal of ENDING_SIGNALS) {
    // A terminal interrupts both of us; the hub does not mind to be told twice.
    process.on(signal, () => child.kill(signal))
  }
  child.on("error", (error) => fail(`${binary}: ${error.message}`, 1))
  child.on("exit", (code, signal) => process.exit(code ?? exitCodeOf(signal)))
}

function seconds(started) {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`
}

function fail(message, code) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

await main()
