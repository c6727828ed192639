import { describe, expect, test } from "vitest"
import { findCycles } from "./house/cycles.ts"
import { findForeignWords } from "./house/glossary.ts"
import { importsOf } from "./house/imports.ts"
import {
  findExportFaults,
  findManifestFaults,
  findUndeclared,
  indexPathsOf,
} from "./house/manifest.ts"
import { findForbiddenGlobals } from "./house/platform.ts"
import { findLostPromises } from "./house/promises.ts"
import { findUndocumented } from "./house/public-names.ts"
import { readRepository } from "./house/repository.ts"
import { findForbiddenSyntax, findLongFunctions } from "./house/syntax.ts"
import {
  findBadNames,
  findLongText,
  findMachinery,
  findTightLimits,
  findUnfinished,
} from "./house/text.ts"
import { findForbiddenImports, isTest } from "./house/units.ts"

// The rules of the house, read over every file of it. Each rule is tried on bad examples in
// house/rules.test.ts, so that a rule that finds nothing is known to be able to find something.

const repository = readRepository()
const sources = [...repository.sources.values()]
const published = [...repository.manifests].filter(([, manifest]) => !manifest.private)

/** Rules quote what they forbid. */
const code = sources.filter(({ path }) => !path.startsWith("packages/testing/test/house/"))

describe("the house", () => {
  test("has files to read", () => {
    expect(sources.length).toBeGreaterThan(30)
    expect(published.length).toBeGreaterThan(7)
  })

  test("imports go along the arrows between the packages", () => {
    expect(sources.flatMap(findForbiddenImports)).toEqual([])
  })

  test("a package names every dependency that its sources import", () => {
    const found = published.flatMap(([folder, manifest]) =>
      sources
        .filter(({ path }) => path.startsWith(`${folder}/src/`))
        .flatMap((file) => {
          const specifiers = importsOf(file).map(({ specifier }) => specifier)
          return findUndeclared(file.path, manifest, specifiers)
        }),
    )
    expect(found).toEqual([])
  })

  test("runtime names, timers, fetch and WebAssembly stay where they belong", () => {
    expect(sources.flatMap(findForbiddenGlobals)).toEqual([])
  })

  test("no files import each other in a ring", () => {
    expect(findCycles(sources)).toEqual([])
  })

  test("no promise is lost where the linter cannot see it", () => {
    expect(sources.flatMap(findLostPromises)).toEqual([])
  })

  test("every public name is documented", () => {
    const paths = published.flatMap(([folder, manifest]) => indexPathsOf(folder, manifest))
    const indexes = paths.flatMap((path) => repository.sources.get(path) ?? [])
    expect(indexes.flatMap((index) => findUndocumented(index, repository.sources))).toEqual([])
  })

  test("the maps of exports lead to files, and every index file is in one", () => {
    const found = published.flatMap(([folder, manifest]) =>
      findExportFaults(folder, manifest, repository.paths),
    )
    expect(found).toEqual([])
  })

  test("every package.json says what all of them say", () => {
    const found = [...repository.manifests]
      .filter(([folder]) => !folder.startsWith("tools/"))
      .flatMap(([folder, manifest]) => findManifestFaults(folder, manifest))
    expect(found).toEqual([])
  })

  test("file names are in kebab-case and say what is inside", () => {
    expect(code.flatMap(({ path }) => findBadNames(path))).toEqual([])
  })

  test("lines, functions and files fit a screen", () => {
    const long = sources.flatMap(({ path, text }) => findLongText(path, text))
    expect([...long, ...sources.flatMap(findLongFunctions)]).toEqual([])
  })

  test("there are no enums, namespaces, default exports, star re-exports and bare paths", () => {
    expect(sources.flatMap(findForbiddenSyntax)).toEqual([])
  })

  test("nothing is left unfinished without a word on when it can go", () => {
    expect(code.flatMap(({ path, text }) => findUnfinished(path, text))).toEqual([])
  })

  test("no test fails because a machine is slow", () => {
    expect(code.flatMap(({ path, text }) => findTightLimits(path, text))).toEqual([])
  })

  test("names are the glossary's", () => {
    expect(code.filter(({ path }) => !isTest(path)).flatMap(findForeignWords)).toEqual([])
  })

  test("no file names a machine's folder or a registry", () => {
    const found = [...repository.paths]
      .filter((path) => !path.startsWith("packages/testing/test/house/"))
      .flatMap((path) => findMachinery(path, repository.text(path) ?? ""))
    expect(found).toEqual([])
  })
})
