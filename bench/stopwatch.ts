import { do_not_optimize } from "mitata"
import { collectGarbage } from "./garbage.ts"
import type { Measurement, SizeName } from "./task.ts"

/** Bounds on the time and number of samples of an operation. */
export interface Plan {
  readonly samplesMax: number
  /** No further sample begins after this many ms. One is always taken. */
  readonly budgetMs: number
}

/** By size: a smoke run only shows that it works. */
export const plans: Readonly<Record<SizeName, Plan>> = {
  full: { samplesMax: 7, budgetMs: 1_000 },
  smoke: { samplesMax: 2, budgetMs: 20 },
}

/** Takes the time of operations, in ns for each thing done, and keeps what it found. */
export class Stopwatch {
  readonly #plan: Plan
  readonly #found: Measurement[] = []

  constructor(plan: Plan) {
    this.#plan = plan
  }

  /** The samples, in the order in which they were taken. */
  get found(): readonly Measurement[] {
    return this.#found
  }

  /**
   * Samples an operation. Garbage is collected before the first sample, not between samples: what
   * an operation leaves to the collector is part of what it costs.
   *
   * @param work does the operation some times, and returns how many.
   * @param between runs before every sample, and is not measured.
   */
  measure(operation: string, unit: string, work: () => number, between?: () => void): void {
    const samples: number[] = []
    collectGarbage()
    const began = performance.now()
    do {
      between?.()
      const start = performance.now()
      const times = work()
      const ms = performance.now() - start
      do_not_optimize(times)
      samples.push((ms * 1e6) / times)
    } while (
      samples.length < this.#plan.samplesMax &&
      performance.now() - began < this.#plan.budgetMs
    )
    this.#found.push({ operation, unit, samples })
  }
}
