/**
 * Counts observations by size, for a Prometheus histogram. Holds one number for each bucket,
 * however much is observed.
 */
export class Histogram {
  /** Upper bounds of the buckets, in rising order; the last bucket has none. */
  readonly bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = new Array<number>(bounds.length + 1).fill(0)
  }

  /** Counts an observation; one on a bound belongs to the bucket below it. */
  observe(value: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > this.bounds[bucket]!) bucket++
    this.#counts[bucket]! += 1
    this.#sum += value
  }

  /** The sum of all observations. */
  get sum(): number {
    return this.#sum
  }

  /** The number of observations up to each bound, and then of all. */
  get cumulative(): readonly number[] {
    let count = 0
    return this.#counts.map((ofBucket) => {
      count += ofBucket
      return count
    })
  }
}
