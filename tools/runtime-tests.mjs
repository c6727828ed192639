import { existsSync, readdirSync, readFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { root } from "./workspace.mjs"

/**
 * The APIs that differ between two versions of one runtime: sockets, `fetch`, streams, coders,
 * sqlite,
 * processes, threads, the collection of garbage and the loading of WebAssembly. Beyond it, one
 * engine does what the other does.
 */
const RUNTIME_API = new RegExp(
  [
    String.raw`["'](node:(?!assert|fs|os|path|url)|#runtime|#sqlite|@headwater/testing/etcd)`,
    String.raw`\b(fetch|ReadableStream|CompressionStream|EventSource|WebAssembly)\b`,
    String.raw`\b(FinalizationRegistry|MessageChannel|BroadcastChannel|Worker|process\.versions)\b`,
  ].join("|"),
)

const IMPORT = /\b(?:from|import)\s*\(?\s*["'](\.{1,2}\/[^"']+\.ts)["']/g

/** Tests of the files that differ most between runtimes: every newer Node runs them. */
const CLOSE_TO_RUNTIME = /\/test\/(runtime\/|conformance\.test|.*(sqlite|tls))/

/**
 * The test files that reach a runtime API by the files of their own package: the ones that are
 * worth running on another version of a runtime on which the whole suite has run. Read from the
 * files each time, so there is no list that could be forgotten.
 *
 * Newer versions share them: `part` of `parts` has its share, and all that are close to the
 * runtime.
 */
export function runtimeTests(part = 0, parts = 1) {
  return testFiles()
    .filter((path) => touchesRuntime(path, new Set()))
    .filter((path, index) => index % parts === part || CLOSE_TO_RUNTIME.test(path))
}

/** Every test file of the suite, below the root, sorted. */
export function testFiles() {
  return ["packages", "apps"]
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}/test`))
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((name) => `${folder}/${name}`),
    )
    .filter((path) => path.endsWith(".test.ts"))
    .sort()
}

function touchesRuntime(path, seen) {
  if (seen.has(path) || !existsSync(join(root, path))) return false
  seen.add(path)
  const text = withoutComments(readFileSync(join(root, path), "utf8"))
  if (RUNTIME_API.test(text)) return true
  return [...text.matchAll(IMPORT)].some(([, target]) =>
    touchesRuntime(relative(root, join(root, dirname(path), target)), seen),
  )
}

function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "")
}
