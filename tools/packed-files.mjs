import { existsSync, readFileSync } from "node:fs"
import { dirname, join, normalize } from "node:path"
import { run } from "./run.mjs"
import { readJson, root } from "./workspace.mjs"

const LINK = /\]\((?!https?:|mailto:|#)([^)\s#]+)[^)]*\)/g

/**
 * The faults of one tarball: a licence or keywords that are missing, or a link in
 * a text of the package that leads to a file which neither the tarball nor the repository has.
 */
export async function findPackingFaults({ folder, manifest }, tarball) {
  const { code, output } = await run("tar", ["-tzf", tarball])
  if (code !== 0) return [output]
  const files = output
    .trim()
    .split("\n")
    .map((line) => line.replace(/^package\//, ""))
  const packed = new Set(files)
  const at = manifest.name
  const faults = []
  if (!packed.has("LICENSE")) faults.push(`${at}: the tarball has no LICENSE`)
  else if (textOf(`${folder}/LICENSE`) !== textOf("LICENSE")) {
    faults.push(`${at}: LICENSE differs from the repository's; copy that`)
  }
  if (!(manifest.keywords?.length > 0)) faults.push(`${at}: package.json has no keywords`)
  for (const file of files.filter((path) => path.endsWith(".md"))) {
    for (const [, target] of textOf(`${folder}/${file}`).matchAll(LINK)) {
      const path = normalize(join(dirname(file), target)).replace(/\/$/, "")
      const isInside = !path.startsWith("..")
      const isPacked = packed.has(path) || files.some((name) => name.startsWith(`${path}/`))
      if (isInside && !isPacked)
        faults.push(`${at}: ${file} links to ${target}, which is not packed`)
      if (!isInside && !existsSync(join(root, folder, path))) {
        faults.push(`${at}: ${file} links to ${target}, which does not exist`)
      }
    }
  }
  for (const path of fixturesNamedIn(
    files.filter((name) => /^[A-Z]+\.md$/.test(name)),
    folder,
  )) {
    if (!files.some((name) => name.startsWith(path))) faults.push(`${at}: ${path} is not packed`)
  }
  return faults
}

/** Folders of fixtures that the texts beside a manifest name in backquotes. */
function fixturesNamedIn(texts, folder) {
  const named = texts.flatMap((name) => [
    ...textOf(`${folder}/${name}`).matchAll(/`(test\/fixtures\/v\d+\/)/g),
  ])
  return new Set(named.map(([, path]) => path))
}

/** The differences between the manifests and the place of publication. */
export function findPlaceFaults(workspaces, fields) {
  return workspaces.flatMap(({ folder, manifest }) =>
    Object.entries(fields(folder)).flatMap(([name, value]) =>
      JSON.stringify(manifest[name]) === JSON.stringify(value)
        ? []
        : [`${folder}/package.json: ${name} is not ${JSON.stringify(value)}`],
    ),
  )
}

/** The version of a workspace at the root. */
export function versionOf(folder, at = root) {
  return at === root
    ? readJson(`${folder}/package.json`).version
    : JSON.parse(readFileSync(join(at, folder, "package.json"), "utf8")).version
}

function textOf(path) {
  return readFileSync(join(root, path), "utf8")
}
