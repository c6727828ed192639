import { existsSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { numbersOf } from "../numbers.ts"
import { publishedIn, replaceNumbers, sectionOf } from "../publish.ts"
import { type Results, readResults } from "../results.ts"
import type { Row } from "../rows.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))
const readme = readFileSync(join(root, "README.md"), "utf8")

const row: Row = {
  scenario: "serve",
  operation: "CPU per delivery",
  size: 1_000,
  runtime: "node24",
  subject: "headwater",
  unit: "µs",
  median: 7.5,
  p05: 7,
  p95: 8,
  runs: 3,
  control: "bare",
  ratioToControl: 1.2,
  ratios: { bare: 1.2, "hono streamSSE": 0.25, "better-sse": 0.5 },
}
const results: Results = {
  schema: 1,
  startedAt: "2026-01-02T03:04:05.000Z",
  size: "full",
  seed: 42,
  commit: "abc",
  machine: { cpu: "a processor", cores: 2, memoryBytes: 2 ** 33, system: "linux 6.1" },
  versions: { node24: "24.0.0" },
  rows: [row, { ...row, size: 100, median: 9 }, { ...row, runtime: "bun", median: 1 }],
  seconds: {},
  failures: [],
}

describe("the README's numbers", () => {
  test("are those of the committed results that it names, none of them typed by hand", () => {
    const path = publishedIn(readme)
    if (path === undefined) return expect(/\d µs\*\*/.test(readme)).toBe(false)
    const section = sectionOf(path, readResults(join(root, path)))

    expect(readme.includes(section)).toBe(true)
    const charts = ["light", "dark"].map((name) => join(root, dirname(path), `readme-${name}.svg`))
    expect(charts.filter((chart) => !existsSync(chart))).toEqual([])
  })

  test("numbersOf() tells the largest size on one runtime, and leaves out what is absent", () => {
    expect(numbersOf(results, "node24")).toEqual([
      "**7.5 µs** of CPU to deliver a change to one of 1,000 readers: 1.2× the least code that" +
        " writes the same bytes, 4.0× less than Hono's `streamSSE`, 2.0× less than better-sse.",
    ])
    expect(numbersOf(results, "deno")).toEqual([])
  })

  test("numbersOf() says where we lose", () => {
    const ratios = { ...row.ratios, "better-sse": 1.0612 }

    expect(numbersOf({ ...results, rows: [{ ...row, ratios }] }, "node24")[0]).toMatch(
      /, 1\.1× as much as better-sse\.$/,
    )
  })

  test("replaceNumbers() puts them before How it works, and the next time in their place", () => {
    const before = "# It\n\n## How it works\n\nSo.\n"
    const first = replaceNumbers(before, sectionOf("bench/results/a/results.json", results))
    const again = replaceNumbers(first, sectionOf("bench/results/b/results.json", results))

    expect(publishedIn(before)).toBe(undefined)
    expect(publishedIn(first)).toBe("bench/results/a/results.json")
    expect(publishedIn(again)).toBe("bench/results/b/results.json")
    expect(again).toBe(first.replaceAll("results/a", "results/b"))
    expect(first.endsWith("\n## How it works\n\nSo.\n")).toBe(true)
    expect(first.startsWith("# It\n\n## What it costs\n\n<!-- numbers from")).toBe(true)
  })
})
