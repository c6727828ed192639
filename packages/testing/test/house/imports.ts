import { isNode, nodesOf, type SourceFile, type SyntaxNode } from "./source-file.ts"

/** One import, re-export or dynamic import of a file. */
export interface Import {
  readonly specifier: string
  readonly node: SyntaxNode
}

/** Everything that a file imports; what it imports for types alone counts. */
export function importsOf(file: SourceFile): readonly Import[] {
  const imports: Import[] = []
  for (const [node] of nodesOf(file)) {
    const source = IMPORTING.has(node.type) ? (node.source ?? node.argument) : undefined
    if (!isNode(source)) continue
    const literal = isNode(source.literal) ? source.literal : source
    if (typeof literal.value === "string") imports.push({ specifier: literal.value, node })
  }
  return imports
}

/** The file that a relative import names, below the root. */
export function resolveRelative(from: string, specifier: string): string {
  const parts = from.split("/").slice(0, -1)
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== ".") parts.push(part)
  }
  return parts.join("/")
}

const IMPORTING = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
])
