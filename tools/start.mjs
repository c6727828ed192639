/**
 * `npm start -- [--on RUNTIME] [arguments of the hub]`
 *
 * Installs and builds what is missing, then serves the hub on the Node that runs this, or on
 * another runtime. Plain JavaScript for Node 20: it runs before anything is installed.
 *
 * The scripts of package.json say `exec node …`: npm hands a signal to the shell that it starts,
 * and a shell that waits for us would end without passing it on.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { fail, prepare, withProgress } from "./prepare.mjs"
import { ENDING_SIGNALS, exitCodeOf } from "./run.mjs"
import { findRuntime, runtimeNames } from "./runtimes.mjs"
import { root, toolEnvironment } from "./workspace.mjs"

const hub = join(root, "apps/server/dist/main.js")

async function main() {
  const { on, hubArgs } = parseArguments(process.argv.slice(2))
  const runtime = await prepare(() => on && findOther(on))
  if (runtime) handOver(runtime, hubArgs)
  else await serveHere(hubArgs)
}

function parseArguments(args) {
  if (args[0] !== "--on") return { on: undefined, hubArgs: args }
  if (!runtimeNames.includes(args[1])) fail(`--on takes one of: ${runtimeNames.join(", ")}`, 2)
  return { on: args[1], hubArgs: args.slice(2) }
}

async function findOther(name) {
  const runtime = await withProgress("installing the other runtimes", (onInstall) =>
    findRuntime(name, onInstall),
  )
  if (runtime.missing) fail(`${name} is not here: ${runtime.missing}`)
  return runtime
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
  // A terminal interrupts both of us; the hub does not mind to be told twice.
  for (const signal of ENDING_SIGNALS) process.on(signal, () => child.kill(signal))
  child.on("error", (error) => fail(`${binary}: ${error.message}`))
  child.on("exit", (code, signal) => process.exit(code ?? exitCodeOf(signal)))
}

await main()
