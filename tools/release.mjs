/**
 * `npm run release:check [-- --write]`
 *
 * Tells whether a release can be made, and which: the place of publication is set and in every
 * manifest, the changesets lead to one version with one entry for each package, and the tarballs
 * are whole. Changes nothing but, with `--write`, the place in the manifests.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { build } from "./build.mjs"
import { pack, publishedWorkspaces } from "./pack.mjs"
import { findPackingFaults, findPlaceFaults, versionOf } from "./packed-files.mjs"
import { PLACE, placeFields } from "./publication.mjs"
import { run } from "./run.mjs"
import { cacheFolder, readJson, root } from "./workspace.mjs"

async function main() {
  const faults = [...checkPlace(), ...(await checkVersions()), ...(await checkTarballs())]
  for (const fault of faults) process.stdout.write(`✘ ${fault}\n`)
  if (faults.length === 0) process.stdout.write("a release can be made: npx changeset version\n")
  process.exit(faults.length > 0 ? 1 : 0)
}

function checkPlace() {
  if (PLACE === undefined) {
    return ["tools/publication.mjs: PLACE is undefined; set the address of the repository"]
  }
  const fields = (folder) => placeFields(PLACE, folder)
  if (process.argv.includes("--write")) {
    for (const { folder } of publishedWorkspaces()) {
      const manifest = { ...readJson(`${folder}/package.json`), ...fields(folder) }
      writeFileSync(join(root, folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`)
    }
  }
  return findPlaceFaults(publishedWorkspaces(), fields)
}

/** Runs `changeset version` in a copy, and reads what it made. */
async function checkVersions() {
  const copy = join(cacheFolder, "release")
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy, { recursive: true })
  const { output: files } = await run("git", [
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
  ])
  for (const path of files.trim().split("\n")) {
    if (/(^|\/)(package\.json|CHANGELOG\.md)$|^\.changeset\//.test(path)) {
      if (existsSync(join(root, path))) cpSync(join(root, path), join(copy, path))
    }
  }
  cpSync(join(root, "package-lock.json"), join(copy, "package-lock.json"))
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"), "junction")
  const changeset = join(root, "node_modules/@changesets/cli/bin.js")
  const { code, output } = await run(process.execPath, [changeset, "version"], { cwd: copy })
  if (code !== 0) return [`changeset version failed:\n${output}`]
  return publishedWorkspaces().flatMap(({ folder, manifest }) => {
    const version = versionOf(folder, copy)
    process.stdout.write(`${manifest.name} ${manifest.version} → ${version}\n`)
    return findVersionFaults(folder, manifest, version, copy)
  })
}

function findVersionFaults(folder, manifest, version, copy) {
  if (version === manifest.version) return [`${manifest.name}: no changeset`]
  const path = join(copy, folder, "CHANGELOG.md")
  const text = existsSync(path) ? readFileSync(path, "utf8") : ""
  const [, entry = ""] = text.split(/^## /m)
  const isFirst = manifest.version === "0.0.0"
  const count = entry.match(/^- /gm)?.length ?? 0
  if (!entry.startsWith(`${version}\n`)) return [`${manifest.name}: no entry for ${version}`]
  if (isFirst && version !== "0.1.0") return [`${manifest.name}: begins at ${version}, not 0.1.0`]
  if (isFirst && count !== 1) return [`${manifest.name}: ${count} entries in its first release`]
  return []
}

async function checkTarballs() {
  const built = await build()
  if (built && built.code !== 0) return [`the build failed:\n${built.output}`]
  const { tarballs, failure } = await pack()
  if (failure) return [failure]
  const found = publishedWorkspaces().map((workspace) =>
    findPackingFaults(workspace, tarballs[workspace.manifest.name]),
  )
  return (await Promise.all(found)).flat()
}

await main()
