import { readFileSync } from "node:fs"
import { describe, expect, test } from "vitest"
import { type ViewSpec, viewOf } from "../src/index.ts"

const vectors: readonly (ViewSpec & { readonly view: string })[] = JSON.parse(
  readFileSync(new URL("fixtures/v1/views.json", import.meta.url), "utf8"),
)
const everything: ViewSpec = { values: "json", prefixes: [], keys: [] }

describe("viewOf()", () => {
  test.each(vectors)("of $values $prefixes $keys $grant is $view", ({ view, ...spec }) => {
    expect(viewOf(spec)).toBe(view)
  })

  test("does not depend on order or repetition", () => {
    const once = viewOf({ ...everything, prefixes: ["a/", "b/"], keys: ["z"] })

    expect(viewOf({ ...everything, prefixes: ["b/", "a/", "b/"], keys: ["z", "z"] })).toBe(once)
  })

  test("distinguishes a prefix from a key, and one list from another", () => {
    const views = [
      viewOf({ ...everything, prefixes: ["a"] }),
      viewOf({ ...everything, keys: ["a"] }),
      viewOf({ ...everything, keys: ["a", "b"] }),
      viewOf({ ...everything, keys: ['a","b'] }),
      viewOf({ ...everything, values: "text", prefixes: ["a"] }),
    ]

    expect(new Set(views).size).toBe(views.length)
  })

  test("of a grant of nothing is not the view of everything", () => {
    expect(viewOf({ ...everything, grant: { prefixes: [], keys: [] } })).not.toBe("")
  })
})
