import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { KeyIndex } from "../../src/topic/key-index.ts"
import { foldersOf, treeRows } from "../../src/topic/key-tree.ts"

const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "é"), minLength: 1, maxLength: 5 })

describe("KeyIndex", () => {
  test("equals a sorted set after any commits, with any search text", () => {
    const commit = fc.record({ added: fc.array(key), removed: fc.array(key), query: key })
    fc.assert(
      fc.property(fc.array(key), fc.array(commit), (first, commits) => {
        const model = new Set(first)
        const index = new KeyIndex()
        index.reset(model)
        for (const { added, removed, query } of commits) {
          const gone = removed.filter((name) => model.has(name) && !added.includes(name))
          for (const name of gone) model.delete(name)
          for (const name of added) model.add(name)
          index.apply({ added, removed: gone })
          index.search(query)
          const sorted = [...model].sort()
          expect(index.all).toEqual(sorted)
          expect(index.found).toEqual(sorted.filter((name) => name.includes(query)))
        }
      }),
    )
  })

  test("takes a commit to 100,000 keys without walking them", () => {
    const index = new KeyIndex()
    index.reset(Array.from({ length: 100_000 }, (_, at) => `k/${at}`))
    const before = index.all
    index.apply({ added: ["k/1/x"], removed: ["k/5"] })

    expect(index.all).toBe(before) // In place: nothing was copied.
    expect(index.all.length).toBe(100_000)
  })
})

describe("treeRows()", () => {
  const rows = (keys: string[], open: string[] = []) =>
    treeRows(keys.sort(), (prefix) => open.includes(prefix)).map(
      ({ label, depth, count }) => `${" ".repeat(depth)}${label}${count ? ` (${count})` : ""}`,
    )

  test("shows closed folders with the number of their entries", () => {
    expect(rows(["a", "b/1", "b/2", "c/d/1", "c/e/1"])).toEqual(["a", "b/ (2)", "c/ (2)"])
  })

  test("shows the content of open folders", () => {
    expect(rows(["b/1", "b/c/1", "b/d/2"], ["b/"])).toEqual(["b/ (3)", " 1", " c/ (1)", " d/ (1)"])
  })

  test("joins folders that hold one folder alone", () => {
    expect(rows(["a/b/c/1", "a/b/c/2"])).toEqual(["a/b/c/ (2)"])
  })

  test("keeps a key that ends with a slash, and empty names, apart", () => {
    expect(rows(["a/", "a//b", "a/b"], ["a/"])).toEqual(["a/", "a/ (2)", " / (1)", " b"])
  })

  test("names every key once when all is open", () => {
    fc.assert(
      fc.property(fc.uniqueArray(key), (keys) => {
        const sorted = [...keys].sort()
        const all = treeRows(sorted, () => true).filter(({ count }) => count === undefined)
        expect(all.map(({ path }) => path)).toEqual(sorted)
      }),
    )
  })
})

describe("foldersOf()", () => {
  test("names the folders from the outermost", () => {
    expect(foldersOf("a/b/c")).toEqual(["a/", "a/b/"])
    expect(foldersOf("a")).toEqual([])
  })
})
