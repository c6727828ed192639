/**
 * `full` is what results are made of; `smoke` shows that everything is right, and times nothing.
 */
export type SizeName = "full" | "smoke"

/** One visit: a fresh process measures one subject of one scenario at one size. */
export interface Task {
  readonly scenario: string
  readonly subject: string
  /** Entries, or what else the scenario counts. */
  readonly size: number
  readonly sizeName: SizeName
  readonly seed: number
  readonly runtime: string
  /** True on the one runtime that measures operations that do not depend on the runtime. */
  readonly leads: boolean
}

/** The result of a visit: samples of one operation, all of one unit, of which less is better. */
export interface Measurement {
  readonly operation: string
  readonly unit: string
  readonly samples: readonly number[]
}

/** A measurement, of these samples. */
export function measured(operation: string, unit: string, ...samples: number[]): Measurement {
  return { operation, unit, samples }
}
