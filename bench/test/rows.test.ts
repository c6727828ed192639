import { describe, expect, test } from "vitest"
import { findRowFaults, type Row, toRows } from "../rows.ts"
import { scenarioOf, taskOf } from "./sample-scenario.ts"

const scenario = scenarioOf(["ours", "map"], "map")
const measured = (samples: number[]) => [{ operation: "get", unit: "ns per get", samples }]

describe("toRows()", () => {
  test("pools the samples of all visits, and divides medians", () => {
    const rows = toRows(scenario, [
      { task: taskOf("ours"), measurements: measured([1, 2]) },
      { task: taskOf("map"), measurements: measured([4]) },
      { task: taskOf("ours"), measurements: measured([3]) },
    ])
    const common = {
      scenario: "sample",
      operation: "get",
      size: 1_000,
      runtime: "node",
      unit: "ns per get",
      control: "map",
    }

    expect(rows).toEqual([
      {
        ...common,
        subject: "ours",
        median: 2,
        p05: 1.1,
        p95: 2.9,
        runs: 3,
        ratioToControl: 0.5,
        ratios: { map: 0.5 },
      },
      {
        ...common,
        subject: "map",
        median: 4,
        p05: 4,
        p95: 4,
        runs: 1,
        ratioToControl: 1,
        ratios: { ours: 2 },
      },
    ])
    expect(rows.flatMap(findRowFaults)).toEqual([])
  })

  test("has no ratio where the control is absent, or took nothing", () => {
    const alone = toRows(scenario, [{ task: taskOf("ours"), measurements: measured([2]) }])
    const beside = toRows(scenario, [
      { task: taskOf("ours"), measurements: measured([2]) },
      { task: taskOf("map"), measurements: measured([0]) },
    ])

    expect(alone.map(({ ratioToControl, ratios }) => [ratioToControl, ratios])).toEqual([
      [null, {}],
    ])
    expect(beside[0]?.ratios).toEqual({ map: null })
  })

  test("compares nothing across runtimes or sizes", () => {
    const rows = toRows(scenario, [
      { task: taskOf("ours"), measurements: measured([2]) },
      { task: { ...taskOf("map"), runtime: "bun" }, measurements: measured([1]) },
      { task: { ...taskOf("map"), size: 10 }, measurements: measured([1]) },
    ])

    expect(rows[0]?.ratios).toEqual({})
  })
})

describe("findRowFaults()", () => {
  const right: Row = {
    scenario: "trie",
    operation: "get",
    size: 1_000,
    runtime: "bun",
    subject: "headwater",
    unit: "ns per get",
    median: 2,
    p05: 1,
    p95: 3,
    runs: 5,
    control: "map",
    ratioToControl: null,
    ratios: { immutable: 0.4 },
  }

  test("passes a row, and names each field that is not one of a row", () => {
    const { unit: _, ...without } = right
    expect(findRowFaults(right)).toEqual([])
    expect(findRowFaults({ ...without, runs: 0, p05: 9, mean: 2 })).toEqual([
      "unit: undefined",
      "runs: 0",
      "mean: no such field",
      "p05, median and p95 ascend",
    ])
    expect(findRowFaults({ ...right, ratios: { immutable: "fast" } })).toEqual([
      'ratios: {"immutable":"fast"}',
    ])
    expect(findRowFaults(null)).toEqual(["a row is an object"])
  })
})
