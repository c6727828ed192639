import { describe, expect, test } from "vitest"
import { alertsOf, goneText } from "../../src/hub/alerts.ts"
import { History } from "../../src/hub/history.ts"
import { bucketsOf, parseMetrics, quantileBetween, sumOf } from "../../src/hub/metrics.ts"
import type { TopicState } from "../../src/hub/topic-state.ts"
import { bytes, duration, rate } from "../../src/value/quantity.ts"

const NOW = Date.parse("2026-01-01T00:01:00Z")

const topic: TopicState = {
  topic: "services",
  source: "etcd",
  values: "json",
  epoch: "e",
  revision: 812,
  position: "e.812",
  status: "in-sync",
  statusSince: "2026-01-01T00:00:00Z",
  lastContact: "2026-01-01T00:00:20Z",
  oldestPosition: null,
  writable: false,
}

describe("alertsOf()", () => {
  const texts = (state: Partial<TopicState>, lagMs?: number) =>
    alertsOf({ now: NOW, topics: [{ ...topic, ...state }], lagOf: () => lagMs }).map(
      ({ level, text }) => `${level}: ${text}`,
    )

  test("says nothing of a topic that is in sync", () => {
    expect(texts({})).toEqual([])
  })

  test("says which source is away, for how long, and what is served", () => {
    expect(texts({ status: "stale", code: "ERR_SOURCE_FAILED" })).toEqual([
      "bad: etcd unreachable for 40 s (ERR_SOURCE_FAILED); serving revision 812.",
    ])
  })

  test("says that a source was never read", () => {
    expect(texts({ status: "waiting", revision: null, lastContact: null })).toEqual([
      "bad: etcd not read yet, for 60 s.",
    ])
  })

  test("says which entries are hidden, and that a reader is slow", () => {
    const invalidSample = [{ key: "a", reason: "not UTF-8" }]
    expect(texts({ invalid: 1, invalidSample }, 65_000)).toEqual([
      'warn: 1 entry is hidden: not valid json, such as "a": not UTF-8.',
      "warn: the slowest reader is 65 s behind.",
    ])
  })

  test("goneText() claims nothing of the present", () => {
    expect(goneText(NOW - 12_000, NOW - 13_000, NOW)).toMatch(
      /^The hub has not answered for 12 s\. The page shows its state of \d\d:\d\d:\d\d; /,
    )
  })
})

describe("metrics", () => {
  const text = [
    "# HELP a_total Things.",
    'a_total{topic="t",x="q\\"\\n"} 3',
    'a_total{topic="u"} 4.5e1',
    'h_bucket{le="0.1"} 10',
    'h_bucket{le="0.2"} 90',
    'h_bucket{le="+Inf"} 100',
    "nonsense",
  ].join("\n")

  test("are read with their labels", () => {
    const metrics = parseMetrics(text)
    expect(metrics.get("a_total")?.[0]).toEqual({ labels: { topic: "t", x: 'q"\n' }, value: 3 })
    expect([sumOf(metrics, "a_total"), sumOf(metrics, "a_total", "u")]).toEqual([48, 45])
    expect(sumOf(metrics, "none")).toBe(undefined)
  })

  test("a quantile is of what came between two readings", () => {
    const buckets = bucketsOf(parseMetrics(text), "h")
    expect(quantileBetween([], buckets, 0.5)).toBeCloseTo(0.15)
    expect(quantileBetween([], buckets, 0.99)).toBe(0.2)
    expect(quantileBetween(buckets, buckets, 0.5)).toBe(Number.NaN)
  })
})

describe("History", () => {
  test("has the rate of a counter, and a gap where it began anew", () => {
    const history = new History()
    history.addCounter(10, 0)
    history.addCounter(30, 2_000)
    history.addCounter(5, 4_000)
    history.addCounter(undefined, 6_000)
    history.addCounter(6, 8_000)
    expect(history.samples).toEqual([Number.NaN, 10, Number.NaN, Number.NaN, Number.NaN])
  })
})

describe("quantities", () => {
  test.each([
    [duration(40_000), "40 s"],
    [duration(125_000), "2 min 5 s"],
    [duration(0.5), "500 µs"],
    [duration(undefined), "–"],
    [bytes(999), "999 B"],
    [bytes(36_800), "36.8 kB"],
    [rate(0.25), "0.3"],
    [rate(12_345), "12.3k"],
  ])("%s is %s", (text, expected) => {
    expect(text).toBe(expected)
  })
})
