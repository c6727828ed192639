import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { run } from "./run.mjs"
import { cacheFolder, readJson, root, workspaces } from "./workspace.mjs"

const folder = join(cacheFolder, "pack")

/** The workspaces that are published. */
export function publishedWorkspaces() {
  return workspaces().filter(({ manifest }) => !manifest.private)
}

/**
 * Packs what would be published, as npm would.
 *
 * Resolves with the tarballs' paths by package name, or with `{ failure }`.
 */
export async function pack() {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const tarballs = {}
  for (const { folder: source, manifest } of publishedWorkspaces()) {
    const { code, output } = await run(
      "npm",
      ["pack", "--ignore-scripts", "--pack-destination", folder],
      { cwd: join(root, source) },
    )
    if (code !== 0) return { failure: output }
    const name = manifest.name.replace("@", "").replace("/", "-")
    tarballs[manifest.name] = join(folder, `${name}-${manifest.version}.tgz`)
  }
  return { tarballs }
}

/**
 * Lays the tarballs out as an install would, in an otherwise empty folder, beside the dependencies
 * that they name and no others: one that a package forgot to name is not found.
 *
 * Writes `import.mjs`, which imports every public path of every package. Resolves with the folder,
 * or with `{ failure }`.
 */
export async function unpack(tarballs) {
  const importer = join(folder, "importer")
  const modules = join(importer, "node_modules")
  for (const [name, tarball] of Object.entries(tarballs)) {
    const target = join(modules, name)
    mkdirSync(target, { recursive: true })
    const args = ["-xzf", tarball, "--strip-components=1", "-C", target]
    const { code, output } = await run("tar", args)
    if (code !== 0) return { failure: output }
  }
  for (const [dependency, target] of foreignDependencies()) {
    const link = join(modules, dependency)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(target, link, "junction")
  }
  writeFileSync(join(importer, "package.json"), '{ "type": "module", "private": true }\n')
  writeFileSync(join(importer, "import.mjs"), importEverything())
  return { importer }
}

/**
 * The dependencies of all packages, with the folders where npm installed them: in the workspace
 * where another version of theirs stands at the root.
 */
function foreignDependencies() {
  const published = publishedWorkspaces()
  const own = new Set(published.map(({ manifest }) => manifest.name))
  const found = new Map()
  for (const { folder: source, manifest } of published) {
    const named = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })
    for (const name of named.filter((name) => !own.has(name))) {
      const nested = join(root, source, "node_modules", name)
      if (existsSync(nested)) found.set(name, nested)
      else if (!found.has(name)) found.set(name, join(root, "node_modules", name))
    }
  }
  return found
}

function importEverything() {
  const paths = publishedWorkspaces().flatMap(({ manifest: { name, exports } }) =>
    Object.keys(exports)
      .filter((path) => path !== "./package.json")
      .map((path) => name + path.slice(1)),
  )
  // vitest's own functions only work inside of it, so what is for tests is checked by the tests. A
  // worker's script exports nothing.
  const lines = paths
    .filter((path) => !path.startsWith("@headwater/testing") && !path.endsWith("/worker"))
    .map((path) => `names("${path}", await import("${path}"))`)
  return [
    "const names = (path, module) => {",
    '  if (Object.keys(module).length === 0) throw new Error(path + " exports nothing")',
    "}",
    ...lines,
    `console.log("imported ${lines.length} paths")`,
    "",
  ].join("\n")
}

/** Runs publint and attw over one tarball; resolves with what they object to, or with undefined. */
export async function examine(name, tarball) {
  const node = process.execPath
  const bin = (tool) => join(root, "node_modules", tool, binOf(tool))
  const publint = await run(node, [bin("publint"), "run", tarball, "--strict"])
  if (publint.code !== 0) return `publint ${name}:\n${publint.output}`
  const attw = await run(node, [
    bin("@arethetypeswrong/cli"),
    tarball,
    "--profile",
    "esm-only",
    "--no-definitely-typed",
  ])
  if (attw.code !== 0) return `attw ${name}:\n${attw.output}`
  return undefined
}

function binOf(tool) {
  const { bin } = readJson(`node_modules/${tool}/package.json`)
  return typeof bin === "string" ? bin : Object.values(bin)[0]
}
