import { importsOf } from "./imports.ts"
import {
  isNode,
  lineOf,
  nodesOf,
  placeOf,
  type SourceFile,
  type SyntaxNode,
} from "./source-file.ts"
import { holdsTests } from "./units.ts"

/** A screen. */
export const FUNCTION_LINES_MAX = 70

/** Enums, namespaces, parameter properties, default exports, star re-exports, bare paths. */
export function findForbiddenSyntax(file: SourceFile): string[] {
  const found: string[] = []
  for (const [node] of nodesOf(file)) {
    const what = FORBIDDEN[node.type]
    if (!what) continue
    if (node.type === "ExportDefaultDeclaration" && file.path.endsWith(".config.ts")) continue
    // A declaration file tells of somebody else's module, as that is.
    if (file.path.endsWith(".d.ts")) continue
    found.push(`${placeOf(file, node)}: ${what}`)
  }
  for (const { specifier, node } of importsOf(file)) {
    const isBare = specifier.startsWith(".") && !/\.(tsx?|mjs|js|json|wasm)$/.test(specifier)
    if (isBare) found.push(`${placeOf(file, node)}: ${specifier} has no file extension`)
  }
  return found
}

/**
 * Functions longer than a screen. The callbacks of a test's `describe` are its table of contents.
 */
export function findLongFunctions(file: SourceFile): string[] {
  if (holdsTests(file.path)) return []
  if (file.path.startsWith("wasm/assembly/")) return findLongInAssembly(file)
  const found: string[] = []
  for (const [node, parents] of nodesOf(file)) {
    if (!FUNCTIONS.has(node.type) || !isNode(node.body)) continue
    const lines = lineOf(file, node.end) - lineOf(file, node.start) + 1
    if (lines <= FUNCTION_LINES_MAX) continue
    found.push(`${placeOf(file, node)}: ${lines} lines in ${labelOf(node, parents)}`)
  }
  return found
}

const FORBIDDEN: Readonly<Record<string, string | undefined>> = {
  TSEnumDeclaration: "enum",
  TSModuleDeclaration: "namespace",
  TSParameterProperty: "parameter property",
  ExportDefaultDeclaration: "default export",
  ExportAllDeclaration: "star re-export",
}

const FUNCTIONS = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"])

function labelOf(node: SyntaxNode, parents: readonly SyntaxNode[]): string {
  for (const at of [node, ...parents.toReversed()]) {
    const named = isNode(at.id) ? at.id : at.key
    if (isNode(named) && typeof named.name === "string") return named.name
  }
  return "a function"
}

/** AssemblyScript is not TypeScript; its functions start and end at the margin. */
function findLongInAssembly(file: SourceFile): string[] {
  const found: string[] = []
  let start = 0
  file.text.split("\n").forEach((line, index) => {
    if (/^(@inline )?(export )?function /.test(line)) start = index + 1
    if (line !== "}" || start === 0) return
    const lines = index + 2 - start
    if (lines > FUNCTION_LINES_MAX) found.push(`${file.path}:${start}: ${lines} lines`)
    start = 0
  })
  return found
}
