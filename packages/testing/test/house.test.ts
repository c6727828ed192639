import { describe, expect, test } from "vitest"
import { findBadOpenings } from "./house/comments.ts"
import { findCycles } from "./house/cycles.ts"
import { aboveDebt, DEBTS } from "./house/debts.ts"
import {
  findBannedComments,
  findBannedText,
  findForeignWords,
  readGlossary,
} from "./house/glossary.ts"
import { importsOf } from "./house/imports.ts"
import {
  findExportFaults,
  findManifestFaults,
  findUndeclared,
  findUnused,
  indexPathsOf,
} from "./house/manifest.ts"
import { findForbiddenGlobals } from "./house/platform.ts"
import { findLostPromises } from "./house/promises.ts"
import { findUndocumented } from "./house/public-names.ts"
import { readRepository } from "./house/repository.ts"
import { findUpwardImports } from "./house/rooms.ts"
import { findForbiddenSyntax, findLongFunctions } from "./house/syntax.ts"
import {
  findBadNames,
  findLongText,
  findMachinery,
  findTightLimits,
  findUnfinished,
} from "./house/text.ts"
import { findSharedNames } from "./house/type-names.ts"
import { findForbiddenImports, isTest } from "./house/units.ts"

// The rules of the house, read over every file of it. Each rule is tried on bad examples in
// house/rules.test.ts, so that a rule that finds nothing is known to be able to find something.

const repository = readRepository()
const sources = [...repository.sources.values()]
const published = [...repository.manifests].filter(([, manifest]) => !manifest.private)

/** Rules quote what they forbid. */
const code = sources.filter(({ path }) => !path.startsWith("packages/testing/test/house/"))

const glossary = readGlossary(repository.text("docs/GLOSSARY.md") ?? "")
const documents = [...repository.paths].filter(
  (path) => path.endsWith(".md") && !/^(bench\/results|docs\/GLOSSARY)/.test(path),
)

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

  test("a package imports every dependency that it names", () => {
    const found = published.flatMap(([folder, manifest]) => {
      const own = sources.filter(({ path }) => path.startsWith(`${folder}/src/`))
      const specifiers = own.flatMap((file) => importsOf(file).map(({ specifier }) => specifier))
      return findUnused(folder, manifest, specifiers)
    })
    expect(found).toEqual([])
  })

  test("imports between the rooms of the server run downward", () => {
    expect(sources.flatMap(findUpwardImports)).toEqual([])
  })

  test("no two packages declare a type of the same name", () => {
    const found = findSharedNames(sources).filter(
      (line) => !DEBTS.types.includes(line.split(":")[0]!),
    )
    expect(found).toEqual([])
  })

  test("doc comments open with their thing or its verb", () => {
    expect(aboveDebt(code.flatMap(findBadOpenings), DEBTS.openings)).toEqual([])
  })

  test("comments and documents use none of the words that the glossary rules out", () => {
    const comments = code.flatMap((file) => findBannedComments(file, glossary))
    const pages = documents.flatMap((path) =>
      findBannedText(path, repository.text(path) ?? "", glossary),
    )
    expect(aboveDebt([...comments, ...pages], DEBTS.words)).toEqual([])
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
    const own = code.filter(({ path }) => !isTest(path))
    const found = own.flatMap((file) => findForeignWords(file, glossary))
    expect(aboveDebt(found, DEBTS.names)).toEqual([])
  })

  test("no file names a machine's folder or a registry", () => {
    const found = [...repository.paths]
      .filter((path) => !path.startsWith("packages/testing/test/house/"))
      .flatMap((path) => findMachinery(path, repository.text(path) ?? ""))
    expect(found).toEqual([])
  })
})
