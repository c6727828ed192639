import { nameOf, type SourceFile, type SyntaxNode } from "./source-file.ts"
import { isTest, unitOf } from "./units.ts"

/** Units whose types are no vocabulary: programs and tests of the others. */
const APART = new Set(["example", "bench", "page", "testing"])

/**
 * Names of types that two units each declare, as `Name: unit, unit`. A shared type is imported, and
 * another meaning has another name.
 */
export function findSharedNames(files: readonly SourceFile[]): string[] {
  const units = new Map<string, Set<string>>()
  for (const file of files) {
    const unit = unitOf(file.path)?.replace("core/engine", "core")
    if (unit === undefined || APART.has(unit) || !file.path.includes("/src/")) continue
    if (isTest(file.path)) continue
    for (const name of typesOf(file)) units.set(name, (units.get(name) ?? new Set()).add(unit))
  }
  return [...units]
    .filter(([, declaring]) => declaring.size > 1)
    .map(([name, declaring]) => `${name}: ${[...declaring].sort().join(", ")}`)
    .sort()
}

function typesOf(file: SourceFile): readonly string[] {
  const statements = (file.program?.body ?? []) as readonly SyntaxNode[]
  return statements.flatMap((statement) => {
    const declaration = (statement.declaration ?? statement) as SyntaxNode
    const isType = /^(TSInterface|TSTypeAlias|Class)Declaration$/.test(declaration.type)
    return isType ? (nameOf(declaration.id) ?? []) : []
  })
}
