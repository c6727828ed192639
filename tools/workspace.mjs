import { accessSync, constants, mkdirSync, readdirSync, readFileSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** The repository's root. Every other path of these tools is relative to it. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** The folder of files that may be deleted at any time. */
export const cacheFolder = join(root, ".cache")

/** Reads a JSON file below the root. Returns undefined when there is none. */
export function readJson(path) {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"))
  } catch (error) {
    if (error.code === "ENOENT") return undefined
    throw error
  }
}

/** The workspaces of the root package.json, as `{ folder, manifest }`, in a stable order. */
export function workspaces() {
  const folders = readJson("package.json").workspaces.flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern]
    const parent = pattern.slice(0, -2)
    return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`)
  })
  return folders.sort().flatMap((folder) => {
    const manifest = readJson(`${folder}/package.json`)
    return manifest ? [{ folder, manifest }] : []
  })
}

/**
 * The environment of every program that these tools start: nothing reports home, and a home that
 * cannot be written to is replaced by a folder of ours.
 */
export function toolEnvironment(extra = {}) {
  const env = {
    ...process.env,
    DO_NOT_TRACK: "1",
    TURBO_TELEMETRY_DISABLED: "1",
    TURBO_NO_UPDATE_NOTIFIER: "1",
    DENO_NO_UPDATE_CHECK: "1",
    NO_UPDATE_NOTIFIER: "1",
    ...extra,
  }
  if (isWritable(homedir())) return env
  const home = join(cacheFolder, "home")
  mkdirSync(home, { recursive: true })
  return { npm_config_cache: join(home, ".npm"), ...env, HOME: home }
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
