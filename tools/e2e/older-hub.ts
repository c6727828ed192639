import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"

/**
 * The version before: nothing is published yet, so it is a commit, which a clone with its history
 * can build. To be replaced by the packages of the last release, once there is one.
 */
export const OLDER = "45db9ff671180311c14a8627a61ca2067bdd61aa"

const ROOT = join(import.meta.dirname, "../..")

/** In the order in which they are built. */
const WORKSPACES = [
  "wasm",
  ...["core", "protocol", "stream", "cache", "read-through", "syncer", "client"].map(
    (name) => `packages/${name}`,
  ),
  "apps/server",
]

/** Returns true if the commit is in this clone: a shallow one lacks it. */
export function olderAvailable(): boolean {
  try {
    execFileSync("git", ["cat-file", "-e", `${OLDER}^{commit}`], { cwd: ROOT, stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/**
 * Builds the older version in an empty folder, with the dependencies of this one. Returns the
 * script of its command.
 */
export function buildOlder(folder: string): string {
  const pack = execFileSync("git", ["archive", OLDER], { cwd: ROOT, maxBuffer: 2 ** 28 })
  execFileSync("tar", ["-x", "-C", folder], { input: pack })
  const modules = join(folder, "node_modules")
  mkdirSync(join(modules, "@headwater"), { recursive: true })
  for (const name of readdirSync(join(ROOT, "node_modules"))) {
    if (name === "@headwater") continue
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name))
  }
  for (const path of WORKSPACES) {
    symlinkSync(join(folder, path), join(modules, "@headwater", path.split("/").at(-1)!))
  }
  for (const path of WORKSPACES) {
    execFileSync("npm", ["run", "--silent", "build"], { cwd: join(folder, path), stdio: "pipe" })
  }
  return join(folder, "apps/server/dist/main.js")
}
