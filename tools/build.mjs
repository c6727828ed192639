import { createHash } from "node:crypto"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { run } from "./run.mjs"
import { cacheFolder, root, workspaces } from "./workspace.mjs"

const STAMP = join(cacheFolder, "built")

/**
 * Files that the build of `wasm` writes into `core`; outputs, though they lie among the sources.
 */
const GENERATED = ["wasm-bytes.ts", "wasm-bytes-debug.ts", "layout.ts"].map(
  (name) => `packages/core/src/engine/${name}`,
)

/** The page, which its build writes into the package of the hub. */
const PAGE = "apps/server/dist/www/index.html"

/** Folders of a workspace that its build reads, beside the files of the workspace itself. */
const SOURCE_FOLDERS = [
  ...["src", "assembly", "scripts"],
  ...["peers", "scenarios", "servers", "subjects"], // the benchmarks'
]

/**
 * Builds what is missing or older than its sources: the wasm core first, then every package.
 *
 * Resolves with undefined when nothing was to do, and with the result of turbo otherwise. Whether
 * there is something to do is told by one stat per source file (a few ms), without starting turbo.
 */
export async function build(onStart = () => {}) {
  const before = fingerprint()
  if (isBuilt(before)) return undefined
  onStart()
  const result = await turbo()
  if (result.code === 0) {
    // The compiler makes no programs, and `npx headwater` runs this one in a clone.
    chmodSync(join(root, "apps/server/dist/main.js"), 0o755)
    mkdirSync(cacheFolder, { recursive: true })
    writeFileSync(STAMP, before)
  }
  return result
}

/** Builds the wasm core alone: types and tests read what it generates. */
export function buildWasm() {
  return turbo("--filter=@headwater/wasm")
}

function turbo(...args) {
  const turboCli = join(root, "node_modules/turbo/bin/turbo")
  return run(process.execPath, [turboCli, "run", "build", "--output-logs=errors-only", ...args])
}

function isBuilt(sources) {
  if (!existsSync(STAMP) || readFileSync(STAMP, "utf8") !== sources) return false
  const folders = workspaces().filter(({ folder, manifest }) => {
    return manifest.scripts?.build && !["wasm", "apps/page"].includes(folder)
  })
  const outputs = folders.map(({ folder }) => `${folder}/dist`)
  return [...outputs, ...GENERATED, PAGE].every((path) => existsSync(join(root, path)))
}

/** Changes when any file that a build reads is added, removed, renamed or written. */
function fingerprint() {
  const hash = createHash("sha256")
  const add = (path) => {
    const { mtimeMs, size } = statSync(join(root, path))
    hash.update(`${path} ${mtimeMs} ${size}\n`)
  }
  for (const path of ["package-lock.json", "turbo.json", "tsconfig.base.json"]) add(path)
  for (const { folder } of workspaces()) {
    for (const path of sourcesOf(folder)) if (!GENERATED.includes(path)) add(path)
  }
  return hash.digest("hex")
}

function sourcesOf(folder) {
  const configs = readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
  const sources = SOURCE_FOLDERS.flatMap((name) => {
    if (!existsSync(join(root, folder, name))) return []
    return readdirSync(join(root, folder, name), { recursive: true })
      .map((path) => join(name, path))
      .filter((path) => statSync(join(root, folder, path)).isFile())
  })
  return [...configs, ...sources].sort().map((path) => `${folder}/${path}`)
}
