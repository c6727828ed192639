import { resolveRelative } from "./imports.ts"
import { isNode, nameOf, placeOf, type SourceFile, type SyntaxNode } from "./source-file.ts"

/**
 * Names that an index file hands out without a doc comment where they are declared.
 *
 * Follows re-exports through `files`, which are keyed by path.
 */
export function findUndocumented(
  index: SourceFile,
  files: ReadonlyMap<string, SourceFile>,
): string[] {
  const found: string[] = []
  if (!/^\s*\/\*\*[\s\S]*?@module/.test(index.text)) found.push(`${index.path}: no @module comment`)
  for (const { name, file } of exportedNames(index, files)) {
    const declaration = declarationOf(file, name)
    if (!declaration) found.push(`${file.path}: ${name} is exported and not declared`)
    else if (!hasDocComment(file, declaration)) {
      found.push(`${placeOf(file, declaration)}: ${name} has no doc comment`)
    }
  }
  return found
}

interface ExportedName {
  readonly name: string
  readonly file: SourceFile
}

function exportedNames(
  index: SourceFile,
  files: ReadonlyMap<string, SourceFile>,
): readonly ExportedName[] {
  return exportsOf(index).flatMap((node): readonly ExportedName[] => {
    if (isNode(node.declaration)) {
      return declaredBy(node.declaration).map((name) => ({ name, file: index }))
    }
    const locals = (node.specifiers as SyntaxNode[]).map(({ local }) => nameOf(local) ?? "")
    if (!isNode(node.source)) return locals.map((name) => ({ name, file: index }))
    const specifier = String(node.source.value)
    if (!specifier.startsWith(".")) return [] // another package's: documented there
    const target = files.get(resolveRelative(index.path, specifier))
    if (!target) throw new Error(`${index.path} exports from ${specifier}, which is not there`)
    const wanted = new Set(locals)
    const passedOn = exportsOf(target).some(({ source }) => isNode(source))
    const through = passedOn ? exportedNames(target, files) : []
    const handedOn = through.filter(({ name, file }) => wanted.has(name) && file !== target)
    const own = locals.filter((name) => !handedOn.some((other) => other.name === name))
    return [...handedOn, ...own.map((name) => ({ name, file: target }))]
  })
}

function exportsOf(file: SourceFile): readonly SyntaxNode[] {
  return topLevel(file).filter(({ type }) => type === "ExportNamedDeclaration")
}

function topLevel(file: SourceFile): readonly SyntaxNode[] {
  return (file.program?.body ?? []) as readonly SyntaxNode[]
}

function declaredBy(declaration: SyntaxNode): readonly string[] {
  const declarators = declaration.declarations
  const nodes = Array.isArray(declarators) ? (declarators as SyntaxNode[]) : [declaration]
  return nodes.flatMap((node) => nameOf(node) ?? [])
}

/** The statement that declares a name; of a function's overloads the first. */
function declarationOf(file: SourceFile, name: string): SyntaxNode | undefined {
  return topLevel(file).find((statement) => {
    const declaration = isNode(statement.declaration) ? statement.declaration : statement
    return !/^(Import|ExportAll)/.test(declaration.type) && declaredBy(declaration).includes(name)
  })
}

function hasDocComment(file: SourceFile, statement: SyntaxNode): boolean {
  const before = file.text.slice(0, statement.start).trimEnd()
  if (!before.endsWith("*/")) return false
  return before.startsWith("/**", before.lastIndexOf("/*"))
}
