import { Counter, Gauge, type Metric, Registry } from "prom-client"
import type { Histogram } from "../observe/histogram.ts"

/** The text formats of a scrape. */
export type MetricsFormat = "prometheus" | "openmetrics"

/** Values of labels by name. */
export type Labels = Readonly<Record<string, string>>

/** One line of a metric. */
export interface MetricSample {
  readonly labels?: Labels
  readonly value: number
}

/** The content type of a format. */
export const CONTENT_TYPE_OF: Readonly<Record<MetricsFormat, string>> = {
  prometheus: Registry.PROMETHEUS_CONTENT_TYPE,
  openmetrics: Registry.OPENMETRICS_CONTENT_TYPE,
}

/**
 * Writes metrics as text, by means of `prom-client`. It has a registry of its own, which lasts for
 * one scrape: the numbers are the hub's, and stay there.
 *
 * A registry that outlives a scrape would do harm: in OpenMetrics `prom-client` renames its
 * counters for good, so that the next scrape in the other format finds them under wrong names; and
 * the series of a topic would stay when the topic goes.
 *
 * Decision: docs/decisions/server.md, “Metrics are written by prom-client”.
 */
export class Exposition {
  readonly #registry = new Registry()

  constructor(format: MetricsFormat) {
    // The types know one of the two.
    const setType = this.#registry.setContentType as (type: string) => void
    setType.call(this.#registry, CONTENT_TYPE_OF[format])
  }

  /** Adds a metric whose value may fall. */
  gauge(name: string, help: string, samples: Iterable<MetricSample>): void {
    const gauge = new Gauge({ name, help, ...this.#terms(samples) })
    for (const { labels = {}, value } of samples) gauge.set({ ...labels }, value)
  }

  /** Adds a metric whose value only grows; its name ends in `_total`. */
  counter(name: string, help: string, samples: Iterable<MetricSample>): void {
    const counter = new Counter({ name, help, ...this.#terms(samples) })
    for (const { labels = {}, value } of samples) counter.inc({ ...labels }, value)
  }

  /** Adds counts by size. */
  histogram(
    name: string,
    help: string,
    samples: Iterable<{ readonly labels?: Labels; readonly of: Histogram }>,
  ): void {
    const values: object[] = []
    for (const { labels = {}, of } of samples) values.push(...linesOf(name, labels, of))
    // The registry asks a metric for its lines; its own histogram cannot take over counts.
    const metric = { name, help, type: "histogram", values, aggregator: "sum" }
    this.#registry.registerMetric({ ...metric, get: async () => metric } as unknown as Metric)
  }

  /** Returns the text, without OpenMetrics' end. */
  async text(): Promise<string> {
    const text = await this.#registry.metrics()
    return text.endsWith(END) ? text.slice(0, -END.length) : text
  }

  #terms(samples: Iterable<MetricSample>) {
    for (const { labels = {} } of samples) {
      return { labelNames: Object.keys(labels), registers: [this.#registry] }
    }
    // Without a name of a label it would write a line without labels.
    return { labelNames: ["none"], registers: [this.#registry] }
  }
}

/** The last line of a text in OpenMetrics. */
export const END = "# EOF\n"

function linesOf(name: string, labels: Labels, of: Histogram): object[] {
  const { bounds, cumulative, sum } = of
  const buckets = cumulative.map((value, index) => ({
    metricName: `${name}_bucket`,
    labels: { ...labels, le: String(bounds[index] ?? "+Inf") },
    value,
  }))
  const count = cumulative.at(-1) ?? 0
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ]
}
