import { describe, expect, test } from "vitest"
import { findMoves, formatMoves } from "../compare.ts"
import type { Results } from "../results.ts"
import type { Row } from "../rows.ts"

const row: Row = {
  scenario: "trie",
  operation: "get",
  size: 1_000,
  runtime: "node24",
  subject: "headwater",
  unit: "ns",
  median: 100,
  p05: 98,
  p95: 102,
  runs: 21,
  control: "map",
  ratioToControl: 2,
  ratios: {},
}

function resultsOf(rows: readonly Row[], cpu = "one"): Results {
  return {
    schema: 1,
    startedAt: "2026-01-02T03:04:05.000Z",
    size: "full",
    seed: 42,
    commit: "abc",
    machine: { cpu, cores: 2, memoryBytes: 2 ** 33, system: "linux 6.1" },
    versions: { node24: "24.0.0" },
    rows,
    seconds: {},
    failures: [],
  }
}

describe("findMoves()", () => {
  test("lists changes larger than the scatter of both runs, largest first", () => {
    const noisy = { ...row, operation: "noisy", p05: 50, p95: 150 }
    const before = resultsOf([row, { ...row, operation: "put" }, noisy])
    const now = resultsOf([
      { ...row, median: 110, p05: 108, p95: 112 },
      { ...row, operation: "put", median: 50, p05: 49, p95: 51 },
      { ...noisy, median: 140, p05: 90, p95: 190 },
    ])
    const moves = findMoves(before, now)

    expect(moves.map(({ row, ratio, by }) => [row.operation, ratio, by])).toEqual([
      ["put", 0.5, "median"],
      ["get", 1.1, "median"],
    ])
    expect(formatMoves(moves)).toBe(
      "  2.00× better  trie · put · 1000 · node24 · headwater: 100 → 50 ns (median)\n" +
        "   1.10× worse  trie · get · 1000 · node24 · headwater: 100 → 110 ns (median)\n",
    )
  })

  test("says nothing of what moved within the noise, or was not there before", () => {
    const now = resultsOf([
      { ...row, median: 104, p05: 102, p95: 106 },
      { ...row, operation: "new" },
    ])

    expect(findMoves(resultsOf([row]), now)).toEqual([])
    expect(formatMoves([])).toBe("nothing moved beyond its noise\n")
  })

  test("goes by the ratio to the control where the machine is another one", () => {
    const now = resultsOf([{ ...row, median: 300, p05: 295, p95: 305, ratioToControl: 3 }], "two")

    expect(findMoves(resultsOf([row]), now).map(({ ratio, by }) => [ratio, by])).toEqual([
      [1.5, "ratio to control"],
    ])
  })
})
