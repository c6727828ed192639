/** Upper bounds of the classes of a histogram, ms. */
const BOUNDS_MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000]

const BAR_COLUMNS = 40

/** Samples of a duration, in ms. */
export class Histogram {
  readonly #samples: number[] = []
  #isSorted = true

  add(ms: number): void {
    this.#samples.push(ms)
    this.#isSorted = false
  }

  get count(): number {
    return this.#samples.length
  }

  /** The duration that a part of the samples, from 0 to 1, does not exceed; 0 without samples. */
  quantile(part: number): number {
    if (!this.#isSorted) this.#samples.sort((a, b) => a - b)
    this.#isSorted = true
    const at = Math.min(this.#samples.length - 1, Math.floor(part * this.#samples.length))
    return this.#samples[at] ?? 0
  }

  /** p50, p90, p99 and the longest, for a program. */
  summary(): Readonly<Record<"p50" | "p90" | "p99" | "max", number>> {
    const ms = (part: number) => Math.round(this.quantile(part) * 1_000) / 1_000
    return { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), max: ms(1) }
  }

  /** The classes from the first to the last that has a sample. */
  classes(): { readonly belowMs: number; readonly count: number }[] {
    const counts = [...BOUNDS_MS, Number.POSITIVE_INFINITY].map((belowMs) => ({
      belowMs,
      count: 0,
    }))
    for (const ms of this.#samples) counts.find(({ belowMs }) => ms < belowMs)!.count += 1
    const first = counts.findIndex(({ count }) => count > 0)
    return counts.slice(first, counts.findLastIndex(({ count }) => count > 0) + 1)
  }

  /** The histogram as lines of a terminal. */
  lines(): string[] {
    if (this.count === 0) return []
    const classes = this.classes()
    const most = Math.max(...classes.map(({ count }) => count))
    return classes.map(({ belowMs, count }) => {
      const bar = "█".repeat(Math.round((count / most) * BAR_COLUMNS)).padEnd(BAR_COLUMNS)
      const name = Number.isFinite(belowMs) ? `< ${belowMs} ms` : "longer"
      return `  ${name.padStart(10)} ${bar} ${count.toLocaleString("en-US")}`
    })
  }
}
