/** The parts of a package.json that the house has rules about. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly license?: string
  readonly type?: string
  readonly engines?: { readonly node?: string }
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/**
 * Where the map of exports and the files differ: paths that lead nowhere, conditions that do not
 * match, index files that nothing leads to.
 */
export function findExportFaults(
  folder: string,
  manifest: Manifest,
  paths: ReadonlySet<string>,
): string[] {
  const found: string[] = []
  const sources = new Set<string>()
  for (const [path, target] of Object.entries(manifest.exports ?? {})) {
    const at = `${folder}/package.json: exports["${path}"]`
    if (typeof target === "string") {
      if (target !== "./package.json") found.push(`${at} has no conditions`)
      continue
    }
    const source = target["@headwater/source"] ?? ""
    sources.add(`${folder}/${source.slice(2)}`)
    if (!paths.has(`${folder}/${source.slice(2)}`)) found.push(`${at}: there is no ${source}`)
    const built = source.replace("./src/", "./dist/").replace(/\.ts$/, "")
    const expected = {
      "@headwater/source": source,
      types: `${built}.d.ts`,
      default: `${built}.js`,
    }
    if (JSON.stringify(target) !== JSON.stringify(expected)) {
      found.push(`${at} should be ${JSON.stringify(expected)}`)
    }
  }
  for (const path of paths) {
    const isIndex = path.startsWith(`${folder}/src/`) && path.endsWith("/index.ts")
    if (isIndex && !sources.has(path)) found.push(`${path} is in no map of exports`)
  }
  return found
}

/** The index files that a map of exports leads to. */
export function indexPathsOf(folder: string, manifest: Manifest): string[] {
  return Object.values(manifest.exports ?? {}).flatMap((target) => {
    const source = typeof target === "string" ? undefined : target["@headwater/source"]
    return source ? [`${folder}/${source.slice(2)}`] : []
  })
}

/** What every workspace says alike. */
export function findManifestFaults(folder: string, manifest: Manifest): string[] {
  const at = `${folder}/package.json`
  const found: string[] = []
  if (manifest.license !== "Apache-2.0") found.push(`${at}: license`)
  if (manifest.type !== "module") found.push(`${at}: type`)
  if (manifest.private) return found
  if (manifest.engines?.node !== ">=20.19") found.push(`${at}: engines.node`)
  if (!manifest.exports?.["./package.json"]) found.push(`${at}: exports["./package.json"]`)
  if (manifest.name !== "@headwater/testing" && manifest.dependencies?.["@headwater/testing"]) {
    found.push(`${at}: @headwater/testing is for tests, which only the root lists`)
  }
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    if (/^[\^~]|\*/.test(range)) found.push(`${at}: ${name} is not pinned (${range})`)
  }
  return found
}

/** Packages that a source file imports and its package.json does not name. */
export function findUndeclared(
  at: string,
  manifest: Manifest,
  specifiers: readonly string[],
): string[] {
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
  const named = specifiers.filter((specifier) => /^[@a-z]/.test(specifier))
  const packages = named.filter((specifier) => !/^[a-z]+:/.test(specifier)).map(packageNameOf)
  return [...new Set(packages)]
    .filter((name) => name !== manifest.name && !(name in declared))
    .map((name) => `${at} imports ${name}, which its package.json does not name`)
}

/** Packages that a package.json names and none of its sources imports. */
export function findUnused(
  folder: string,
  manifest: Manifest,
  specifiers: readonly string[],
): string[] {
  const imported = new Set(specifiers.map(packageNameOf))
  return Object.keys(manifest.dependencies ?? {})
    .filter((name) => !imported.has(name))
    .map((name) => `${folder}/package.json names ${name}, which no source imports`)
}

function packageNameOf(specifier: string): string {
  const parts = specifier.split("/")
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/")
}
