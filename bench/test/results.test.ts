import { describe, expect, test } from "vitest"
import { estimateMinutes, formatMinutes } from "../estimate.ts"
import { addResults, formatResults, type Results } from "../results.ts"
import { toRows } from "../rows.ts"
import { scenarioOf, taskOf } from "./sample-scenario.ts"

const scenario = scenarioOf(["ours", "map"], "map")
const rows = toRows(scenario, [
  { task: taskOf("ours"), measurements: [{ operation: "get", unit: "ns", samples: [1] }] },
  { task: taskOf("map"), measurements: [{ operation: "get", unit: "ns", samples: [2] }] },
])
const results: Results = {
  schema: 1,
  startedAt: "2026-01-02T03:04:05.000Z",
  size: "full",
  seed: 42,
  commit: "abc",
  machine: { cpu: "a processor", cores: 2, memoryBytes: 2 ** 33, system: "linux 6.1" },
  versions: { node: "20.0.0" },
  rows,
  seconds: { "sample node": 3 },
  failures: [],
}

describe("results", () => {
  test("formatResults() writes what it was given, a line for each row", () => {
    const text = formatResults(results)

    expect(JSON.parse(text)).toEqual(results)
    expect(text.split("\n").filter((line) => line.includes('"operation"')).length).toBe(2)
  })

  test("addResults() takes what is newer of a scenario on a runtime, and keeps the rest", () => {
    const [row] = rows
    const other = { ...row!, runtime: "bun" }
    const newer = { ...row!, median: 9 }
    const now: Results = {
      ...results,
      commit: "def",
      versions: { node: "20.0.1" },
      rows: [newer],
      seconds: { "sample node": 5 },
    }
    const before = { ...results, rows: [...rows, other], versions: { bun: "1.4.5" } }

    expect(addResults(before, now)).toEqual({
      ...now,
      commit: "abc, def",
      versions: { bun: "1.4.5", node: "20.0.1" },
      rows: [other, newer],
    })
    const elsewhere = { ...now, machine: { ...now.machine, cpu: "another" } }
    expect(() => addResults(before, elsewhere)).toThrow(TypeError)
  })
})

describe("estimates", () => {
  test("grow with visits, and are said in seconds below two minutes", () => {
    const minutes = (runtimes: string[]) =>
      estimateMinutes(scenario, { runtimes, sizeName: "full", rounds: 3, seed: 1 })

    // Two subjects at two sizes, three rounds, at 10 s.
    expect(minutes(["bun"])).toBe(2)
    expect(minutes(["bun", "deno"])).toBe(4)
    expect([0.001, 1.5, 12.4].map(formatMinutes)).toEqual(["~1 s", "~90 s", "~12 min"])
  })
})
