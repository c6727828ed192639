import { readdirSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Manifest } from "./manifest.ts"
import { type SourceFile, toSourceFile } from "./source-file.ts"

const root = join(dirname(fileURLToPath(import.meta.url)), "../../../..")

/** Folders and files that no commit holds. */
const NOT_OURS =
  /^(node_modules|dist|build|coverage|data|\.git|\.turbo|\.cache)$|\.(log|tsbuildinfo|tgz)$/

/** Written by programs: by the build of the wasm core, by npm, by the benchmarks. */
const GENERATED =
  /^packages\/core\/src\/engine\/(wasm-bytes(-debug)?|layout)\.ts$|package-lock\.json$/

const BINARY = /\.(png|jpg|ico|wasm|gz|bin|woff2)$/

/** The files of this repository, read once. */
export interface Repository {
  /** Everything that a commit may hold, below the root, sorted. */
  readonly paths: ReadonlySet<string>
  /** TypeScript, AssemblyScript and the tools, without what programs write. */
  readonly sources: ReadonlyMap<string, SourceFile>
  readonly manifests: ReadonlyMap<string, Manifest>
  /** The text of a file; undefined for a binary one. */
  text(path: string): string | undefined
}

/** Reads the repository that this file is in. Takes about a second. */
export function readRepository(): Repository {
  const paths = new Set(walk("").sort())
  const text = (path: string) =>
    BINARY.test(path) ? undefined : readFileSync(join(root, path), "utf8")
  const sources = new Map<string, SourceFile>()
  const manifests = new Map<string, Manifest>()
  for (const path of paths) {
    if (GENERATED.test(path)) continue
    if (/\.(tsx?|mjs)$/.test(path)) sources.set(path, toSourceFile(path, text(path) ?? ""))
    if (path.endsWith("/package.json")) {
      manifests.set(dirname(path), JSON.parse(text(path) ?? "") as Manifest)
    }
  }
  return { paths, sources, manifests, text }
}

function walk(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.test(entry.name)) return []
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`
    return entry.isDirectory() ? walk(path) : [path]
  })
}
