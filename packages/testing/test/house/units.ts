import { type Import, importsOf, resolveRelative } from "./imports.ts"
import { placeOf, type SourceFile } from "./source-file.ts"

/**
 * Who may import whom, an arrow at a time; a unit may import whatever the arrows reach.
 *
 *   server → syncer → cache → stream → core/engine → core
 *   server → protocol → core      client → protocol → core      server → client      page → client
 *   read-through → core
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  "core/engine": ["core"],
  stream: ["core/engine"],
  cache: ["stream"],
  "read-through": ["core"],
  syncer: ["cache"],
  protocol: ["core"],
  client: ["protocol"],
  server: ["syncer", "protocol", "client"],
  page: ["client"],
  testing: ["syncer", "client"],
  example: ["server", "testing"],
  bench: ["server", "testing"],
  wasm: [],
}

/** What tests may import besides what their own unit may, and the unit itself. */
const TESTS_ALSO = ["testing"]

/**
 * Tests of the wasm core and of `core` go through the engine. Views are tested over a stream; types
 * that read from a hub, through the cache that they are for.
 */
const TESTED_THROUGH: Readonly<Record<string, readonly string[]>> = {
  wasm: ["core/engine"],
  core: ["core/engine"],
  "read-through": ["stream"],
  server: ["read-through"],
}

/** Every unit that a unit may import. */
export function reachOf(unit: string): ReadonlySet<string> {
  const reached = new Set<string>()
  const pending = [...(ARROWS[unit] ?? [])]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (reached.has(next)) continue
    reached.add(next)
    pending.push(...(ARROWS[next] ?? []))
  }
  return reached
}

/**
 * The unit that a file belongs to, or undefined for what stands beside the house: tools, configs.
 */
export function unitOf(path: string): string | undefined {
  if (path.startsWith("packages/core/src/engine/")) return "core/engine"
  return /^(?:packages|apps)\/([^/]+)\//.exec(path)?.[1] ?? /^(wasm|bench)\//.exec(path)?.[1]
}

/** Whether a file is a test, or one that only tests load. */
export function isTest(path: string): boolean {
  return (
    /^(?:packages\/[^/]+|apps\/[^/]+|wasm|bench|tools\/e2e)\/(?:.*\/)?test\//.test(path) ||
    path.startsWith("tools/e2e/")
  )
}

/** Whether a file holds tests; the conformance suites do, though they are published. */
export function holdsTests(path: string): boolean {
  return isTest(path) || path.startsWith("packages/testing/src/conformance/")
}

/** Imports that go against the arrows, or into another unit past its public paths. */
export function findForbiddenImports(file: SourceFile): string[] {
  const unit = unitOf(file.path)
  if (unit === undefined) return []
  const allowed = allowedFor(file.path, unit)
  return importsOf(file).flatMap((found) => {
    const target = targetOf(file.path, found)
    if (target === undefined) return []
    const from = `${placeOf(file, found.node)}: ${unit}${isTest(file.path) ? "/test" : ""}`
    if (!allowed.has(target)) return [`${from} may not import ${target} (${found.specifier})`]
    const crosses = found.specifier.startsWith(".") && packageOf(target) !== packageOf(unit)
    return crosses ? [`${from} reaches into ${target} by a path (${found.specifier})`] : []
  })
}

function allowedFor(path: string, unit: string): ReadonlySet<string> {
  const allowed = new Set([unit, ...reachOf(unit)])
  if (!isTest(path)) return allowed
  for (const other of [...TESTS_ALSO, ...(TESTED_THROUGH[unit] ?? [])]) {
    allowed.add(other)
    if (other !== "testing") for (const reached of reachOf(other)) allowed.add(reached)
  }
  return allowed
}

function targetOf(from: string, { specifier }: Import): string | undefined {
  if (specifier.startsWith(".")) return unitOf(resolveRelative(from, specifier))
  if (specifier === "@headwater/core/engine") return "core/engine"
  return /^@headwater\/([^/]+)/.exec(specifier)?.[1]
}

function packageOf(unit: string): string {
  return unit.split("/")[0] ?? unit
}
