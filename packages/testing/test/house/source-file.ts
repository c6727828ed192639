import { parseAst } from "vitest/node"

/** A node of the syntax tree, as ESTree with TypeScript has it: its kind, its place, its fields. */
export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

/** A file of ours, read. `program` is there for TypeScript; AssemblyScript is read as text. */
export interface SourceFile {
  /** Below the repository's root, with slashes. */
  readonly path: string
  readonly text: string
  readonly program: SyntaxNode | undefined
}

/** Reads a file. Throws where the parser does, naming the file. */
export function toSourceFile(path: string, text: string): SourceFile {
  if (!isTypeScript(path)) return { path, text, program: undefined }
  try {
    const lang = path.endsWith(".tsx") ? "tsx" : "ts"
    const program = parseAst(text, { lang }) as unknown as SyntaxNode
    return { path, text, program }
  } catch (cause) {
    throw new Error(`${path} cannot be parsed`, { cause })
  }
}

/** Every node, a parent before its children, with its parents from the outermost to the nearest. */
export function* nodesOf(
  file: SourceFile,
): Generator<readonly [SyntaxNode, readonly SyntaxNode[]]> {
  if (file.program) yield* descend(file.program, [])
}

/** The line of an offset, from 1. */
export function lineOf(file: SourceFile, offset: number): number {
  return file.text.slice(0, offset).split("\n").length
}

/** `path:line`, as editors and terminals link it. */
export function placeOf(file: SourceFile, node: SyntaxNode): string {
  return `${file.path}:${lineOf(file, node.start)}`
}

/** The name of a node that has one. */
export function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (typeof node.name === "string") return node.name
  return isNode(node.id) ? nameOf(node.id) : undefined
}

/** Whether a field of a node is itself a node. */
export function isNode(value: unknown): value is SyntaxNode {
  return (
    typeof value === "object" && value !== null && typeof (value as SyntaxNode).type === "string"
  )
}

function isTypeScript(path: string): boolean {
  return /\.(tsx?|mjs)$/.test(path) && !path.startsWith("wasm/assembly/")
}

function* descend(
  node: SyntaxNode,
  parents: readonly SyntaxNode[],
): Generator<readonly [SyntaxNode, readonly SyntaxNode[]]> {
  yield [node, parents]
  const inner = [...parents, node]
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* descend(child, inner)
    }
  }
}
