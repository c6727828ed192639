import { importsOf, resolveRelative } from "./imports.ts"
import type { SourceFile } from "./source-file.ts"

/** Rings of files that import each other, each told once, as `a → b → a`. Types count. */
export function findCycles(files: readonly SourceFile[]): string[] {
  const edges = new Map<string, readonly string[]>()
  for (const file of files) {
    const relative = importsOf(file).filter(({ specifier }) => specifier.startsWith("."))
    edges.set(
      file.path,
      relative.map(({ specifier }) => resolveRelative(file.path, specifier)),
    )
  }

  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) cycles.push([...trail.slice(start), path].join(" → "))
    if (start >= 0 || done.has(path)) return
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
    done.add(path)
  }
  for (const path of edges.keys()) visit(path, [])
  return cycles
}
