import { importsOf } from "./imports.ts"
import { nodesOf, placeOf, type SourceFile, type SyntaxNode } from "./source-file.ts"
import { isTest, unitOf } from "./units.ts"

/** Names that only some runtimes have, and that only adapters may say. */
const RUNTIME_NAMES = new Set(["process", "Deno", "Bun", "Buffer", "require", "__dirname"])

/** What `core` leaves to others, and the one place that may. */
const CORE_NAMES: Readonly<Record<string, string | undefined>> = {
  setTimeout: "packages/core/src/clock.ts",
  setInterval: "packages/core/src/clock.ts",
  setImmediate: "packages/core/src/clock.ts",
  fetch: undefined,
  WebAssembly: "packages/core/src/engine/",
}

/** Names of a runtime, timers, `fetch` and WebAssembly where they have no place. */
export function findForbiddenGlobals(file: SourceFile): string[] {
  const unit = unitOf(file.path)
  if (unit === undefined || !file.path.includes("/src/") || isTest(file.path)) return []
  const declared = declaredNames(file)
  const found: string[] = []
  for (const [node, parents] of nodesOf(file)) {
    const name = referredName(node, parents)
    if (name === undefined || declared.has(name)) continue
    if (isForbidden(file.path, unit, name)) found.push(`${placeOf(file, node)}: ${name}`)
  }
  for (const { specifier, node } of importsOf(file)) {
    if (!specifier.startsWith("node:") && !specifier.startsWith("bun:")) continue
    if (!mayNameRuntime(file.path)) found.push(`${placeOf(file, node)}: ${specifier}`)
  }
  return found
}

function isForbidden(path: string, unit: string, name: string): boolean {
  if (RUNTIME_NAMES.has(name)) return !mayNameRuntime(path)
  if (!(name in CORE_NAMES)) return false
  if (name === "WebAssembly") return !path.startsWith(CORE_NAMES.WebAssembly ?? "")
  if (unit !== "core" && unit !== "core/engine") return false
  return path !== CORE_NAMES[name]
}

/**
 * The adapters of the server, and those of the sqlite source: a runtime has its own engine. A
 * replica may be kept in a file, behind a subpath of its own. `node:zlib` and `node:crypto` are the
 * same modules on all three runtimes, and stand beside their one user.
 * `testing` starts a real etcd, the example serves a page: programs of Node, not of the house.
 */
function mayNameRuntime(path: string): boolean {
  return (
    path.startsWith("apps/server/src/runtime/") ||
    path === "apps/server/src/event-stream/gzip/deflate.ts" ||
    path === "apps/server/src/access/token.ts" ||
    path.startsWith("packages/syncer/src/sources/sqlite/engine/") ||
    path === "packages/client/src/store/file-storage.ts" ||
    path.startsWith("packages/testing/src/") ||
    path.startsWith("apps/example/")
  )
}

/** The global that an identifier may mean: it is read, and is not the name of a field. */
function referredName(node: SyntaxNode, parents: readonly SyntaxNode[]): string | undefined {
  if (node.type !== "Identifier" || typeof node.name !== "string") return undefined
  const parent = parents.at(-1)
  if (parent === undefined) return node.name
  if (parent.type === "MemberExpression" && parent.property === node && parent.computed !== true) {
    const object = parent.object as SyntaxNode
    return object.name === "globalThis" ? node.name : undefined
  }
  const isKey = parent.key === node && parent.computed !== true && parent.shorthand !== true
  return isKey ? undefined : node.name
}

/** Names that a file declares anywhere, or passes on: they are not the global of that name. */
function declaredNames(file: SourceFile): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (node: unknown) => {
    const { type, name } = (node ?? {}) as SyntaxNode
    if (type === "Identifier" && typeof name === "string") names.add(name)
  }
  for (const [node] of nodesOf(file)) {
    if (
      /^(VariableDeclarator|(Function|Class|TSInterface|TSTypeAlias)Declaration)$/.test(node.type)
    ) {
      add(node.id)
    }
    if (/^(Import|Export)\w*Specifier$/.test(node.type)) add(node.local)
    for (const parameter of Array.isArray(node.params) ? node.params : []) add(parameter)
  }
  return names
}
