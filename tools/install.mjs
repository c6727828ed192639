import { existsSync } from "node:fs"
import { join } from "node:path"
import { run } from "./run.mjs"
import { readJson, root } from "./workspace.mjs"

/**
 * Installs the dependencies when what is there is not what the lock names.
 *
 * Resolves with undefined when nothing was to do, and with the result of `npm ci` otherwise. What
 * is compared are the two locks, npm's record in node_modules and ours, not the dates of files:
 * a checkout changes dates. Costs 5 ms.
 */
export async function install(onStart = () => {}) {
  if (isInstalled()) return undefined
  onStart()
  return await run("npm", ["ci", "--no-audit", "--no-fund"])
}

/** Returns true if node_modules holds every package of the lock that this machine can have. */
export function isInstalled() {
  const held = readJson("node_modules/.package-lock.json")?.packages
  if (!held) return false
  return Object.entries(readJson("package-lock.json").packages).every(([path, locked]) => {
    if (!path.startsWith("node_modules/") || locked.optional || locked.peer) return true
    if (locked.link) return existsSync(join(root, path))
    return held[path]?.version === locked.version
  })
}
