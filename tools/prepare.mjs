import { build } from "./build.mjs"
import { install } from "./install.mjs"
import { endTogether } from "./run.mjs"

const NODE_OLDEST = [20, 19]

/**
 * Installs and builds what is missing, a line of progress each, and then does what a command needs
 * besides. Ends the process, with the reason, when any of it fails.
 *
 * Only until it resolves do signals end us at once: after that they are the business of whatever
 * was prepared.
 */
export async function prepare(besides = async () => undefined) {
  refuseOldNode()
  const letGo = endTogether()
  for (const [label, work] of [
    ["installing dependencies", install],
    ["building", build],
  ]) {
    const result = await withProgress(label, work)
    if (result && result.code !== 0) fail(`${label} failed:\n${result.output}`)
  }
  const prepared = await besides()
  letGo()
  return prepared
}

/** Does something that may find nothing to do. It calls back when it finds that it has. */
export async function withProgress(label, work) {
  let started
  const result = await work(() => {
    started = performance.now()
    process.stderr.write(`${label} …`)
  })
  if (started !== undefined) {
    process.stderr.write(` ${((performance.now() - started) / 1000).toFixed(1)} s\n`)
  }
  return result
}

/** Ends the process with a reason. */
export function fail(message, code = 1) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split(".").map(Number)
  const [oldestMajor, oldestMinor] = NODE_OLDEST
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  fail(`Node ${NODE_OLDEST.join(".")} or newer is needed; this is ${process.versions.node}`, 2)
}
