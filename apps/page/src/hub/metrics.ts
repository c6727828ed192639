/** A sample of the Prometheus text format. */
export interface Metric {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** The metrics of a hub, by name. */
export type Metrics = ReadonlyMap<string, readonly Metric[]>

/** Reads the Prometheus text format. A line that is no sample is left out. */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Metric[]>()
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = SAMPLE.exec(line) ?? []
    if (name === undefined) continue
    const samples = metrics.get(name) ?? []
    samples.push({ labels: parseLabels(labels), value: numberOf(value!) })
    metrics.set(name, samples)
  }
  return metrics
}

/** The sum of a metric over its labels, for one topic if given; undefined without a sample. */
export function sumOf(metrics: Metrics, name: string, topic?: string): number | undefined {
  const samples = (metrics.get(name) ?? []).filter(
    ({ labels }) => topic === undefined || labels["topic"] === topic,
  )
  if (samples.length === 0) return undefined
  return samples.reduce((sum, { value }) => sum + value, 0)
}

/** The greatest sample of a metric, for one topic if given. */
export function maxOf(metrics: Metrics, name: string, topic?: string): number | undefined {
  const samples = (metrics.get(name) ?? []).filter(
    ({ labels }) => topic === undefined || labels["topic"] === topic,
  )
  return samples.length === 0 ? undefined : Math.max(...samples.map(({ value }) => value))
}

/** The counts of a histogram by upper bound, summed over all other labels, in rising order. */
export function bucketsOf(metrics: Metrics, name: string): readonly (readonly [number, number])[] {
  const counts = new Map<number, number>()
  for (const { labels, value } of metrics.get(`${name}_bucket`) ?? []) {
    const bound = numberOf(labels["le"] ?? "")
    counts.set(bound, (counts.get(bound) ?? 0) + value)
  }
  return [...counts].sort(([a], [b]) => a - b)
}

/**
 * The quantile of the observations that came between two readings of a histogram, interpolated
 * within its bucket as Prometheus does; `NaN` without any.
 */
export function quantileBetween(
  before: readonly (readonly [number, number])[],
  after: readonly (readonly [number, number])[],
  share: number,
): number {
  const earlier = new Map(before)
  const grown = after.map(([bound, count]) => [bound, count - (earlier.get(bound) ?? 0)] as const)
  const total = grown.at(-1)?.[1] ?? 0
  if (total <= 0) return Number.NaN
  const rank = total * share
  let [lower, below] = [0, 0]
  for (const [bound, count] of grown) {
    if (count >= rank) {
      if (bound === Number.POSITIVE_INFINITY) return lower
      return lower + ((bound - lower) * (rank - below)) / Math.max(1, count - below)
    }
    lower = bound
    below = count
  }
  return Number.NaN
}

const SAMPLE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [, name, value] of text.matchAll(LABEL)) {
    labels[name!] = value!.replace(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char))
  }
  return labels
}

function numberOf(text: string): number {
  if (/^\+?inf/i.test(text)) return Number.POSITIVE_INFINITY
  return /^-inf/i.test(text) ? Number.NEGATIVE_INFINITY : Number(text)
}
