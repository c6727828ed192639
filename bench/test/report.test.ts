import { describe, expect, test } from "vitest"
import { themes } from "../chart.ts"
import { formatNumber, formatSize } from "../format.ts"
import { reportOf } from "../report.ts"
import type { Results } from "../results.ts"
import { toRows } from "../rows.ts"
import { scenarioOf, taskOf } from "./sample-scenario.ts"

const scenario = scenarioOf(["ours", "map"], "map")
const rows = toRows(scenario, [
  {
    task: taskOf("ours"),
    measurements: [{ operation: "get <hit>", unit: "ns", samples: [90, 100, 110] }],
  },
  { task: taskOf("map"), measurements: [{ operation: "get <hit>", unit: "ns", samples: [50] }] },
])
const results: Results = {
  schema: 1,
  startedAt: "2026-01-02T03:04:05.000Z",
  size: "smoke",
  seed: 42,
  commit: "abc",
  machine: { cpu: "a processor", cores: 2, memoryBytes: 2 ** 33, system: "linux 6.1" },
  versions: { node: "20.20.2", mori: "0.3.2" },
  rows,
  seconds: {},
  failures: ["sample · bun: it ended"],
}

describe("reportOf()", () => {
  const files = new Map(reportOf(results, [scenario]).map(({ name, text }) => [name, text]))
  const report = files.get("report.md") ?? ""

  test("writes a table an operation, each number beside the control's", () => {
    expect([...files.keys()]).toEqual(["report.md", "sample-light.svg", "sample-dark.svg"])
    expect(report.includes("### get <hit>, 1k (ns)")).toBe(true)
    expect(report.includes("| ours | 100 ± 9 %<br>2 × |")).toBe(true)
    expect(report.includes("| map | 50 ± 0 % |")).toBe(true)
  })

  test("says what it was measured on, what failed, and that a smoke run times nothing", () => {
    const head = [
      "seed 42",
      "commit abc",
      "2 cores, 8 GiB",
      "mori 0.3.2",
      "- sample · bun: it ended",
    ]
    expect(head.filter((text) => !report.includes(text))).toEqual([])
    expect(report.includes("A smoke run")).toBe(true)
  })

  test("draws a bar for each subject, in the colours of each theme", () => {
    const charts = themes.map(({ name }) => files.get(`sample-${name}.svg`) ?? "")

    const bars = themes.map(({ ours, control }, at) =>
      [ours, control].map((fill) => charts[at]?.split(`fill="${fill}"`).length),
    )
    expect(bars).toEqual([
      [2, 2],
      [2, 2],
    ])
    expect(charts.map((chart) => chart.includes("get &lt;hit&gt; · ns"))).toEqual([true, true])
    expect(charts[0]).not.toBe(charts[1])
    expect(charts.filter((chart) => /NaN|undefined|Infinity/.test(chart))).toEqual([])
  })
})

describe("format", () => {
  test("formatNumber() has three digits, formatSize() says k and M", () => {
    expect([0.012345, 1.2345, 123.45, 12_345].map(formatNumber)).toEqual([
      "0.0123",
      "1.23",
      "123",
      "12,300",
    ])
    expect([20, 1_000, 100_000, 1_000_000, 1_500].map(formatSize)).toEqual([
      "20",
      "1k",
      "100k",
      "1M",
      "1500",
    ])
  })
})
