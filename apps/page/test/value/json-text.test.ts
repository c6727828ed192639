import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { compactJson, jsonLines, prettyJson } from "../../src/value/json-text.ts"
import { diffLines, nearChanges } from "../../src/value/line-diff.ts"
import { previewOf } from "../../src/value/preview.ts"

describe("JSON as text", () => {
  test("is formatted as JSON.stringify does, and compacted again", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const compact = JSON.stringify(value)
        const pretty = JSON.stringify(value, null, 2)
        expect(prettyJson(compact)).toBe(pretty)
        expect(compactJson(pretty)).toBe(compact)
      }),
    )
  })

  test("keeps large numbers, duplicate members and escapes", () => {
    const text = '{"n":9007199254740993,"n":1e400,"s":"\\u0041\\"}"}'

    expect(compactJson(prettyJson(text))).toBe(text)
    expect(jsonLines(text)[3]?.tokens.map(({ kind }) => kind)).toEqual(["key", "mark", "string"])
  })
})

describe("diffLines()", () => {
  const apply = (lines: ReturnType<typeof diffLines>, side: "old" | "new") =>
    lines.filter((line) => line.side === side || line.side === "both").map(({ text }) => text)

  test("has both sides whole, whatever they are", () => {
    const text = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1 })
    fc.assert(
      fc.property(text, text, (before, after) => {
        const lines = diffLines(before.join("\n"), after.join("\n"))
        expect(apply(lines, "old")).toEqual(before)
        expect(apply(lines, "new")).toEqual(after)
      }),
    )
  })

  test("finds the one line that changed, and drops what is far from it", () => {
    const before = Array.from({ length: 20 }, (_, at) => `line ${at}`)
    const lines = diffLines(before.join("\n"), before.with(9, "other").join("\n"))

    expect(lines.filter(({ side }) => side !== "both")).toEqual([
      { side: "old", text: "line 9" },
      { side: "new", text: "other" },
    ])
    expect(nearChanges(lines, 1).map((line) => line?.text)).toEqual([
      undefined,
      "line 8",
      "line 9",
      "other",
      "line 10",
      undefined,
    ])
  })
})

describe("previewOf()", () => {
  test.each([
    ["1", "json", '"1"'],
    [1, "json", "1"],
    ["1", "text", "1"],
    [null, "json", "null"],
    [{ a: [1, "x"], b: {} }, "json", '{a: [1, "x"], b: {}}'],
    [Uint8Array.from([0, 255]), "binary", "00 ff"],
  ] as const)("%j of %s is %s", (value, values, text) => {
    expect(previewOf(value, values, 80).text).toBe(text)
  })

  test("reads no more of a value than it shows", () => {
    const long = new Array(1_000_000).fill("x".repeat(50))

    expect(previewOf(long, "json", 40).text.length).toBeLessThan(50)
    expect(previewOf({ long }, "json", 40).text.endsWith("…")).toBe(true)
  })
})
