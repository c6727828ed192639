import { signal } from "@preact/signals"

/** Samples that a chart shows: five minutes at one every two seconds. */
export const SAMPLES_MAX = 150

/** The last samples of one number, oldest first; `NaN` where it was not known. */
export class History {
  readonly #samples = signal<readonly number[]>([])
  #counter: { readonly value: number; readonly at: number } | undefined

  /** A new array after each sample; a component that reads it is drawn again. */
  get samples(): readonly number[] {
    return this.#samples.value
  }

  /** The last sample; `NaN` without one. */
  get last(): number {
    return this.samples.at(-1) ?? Number.NaN
  }

  /** Adds a sample. */
  add(sample: number): void {
    this.#samples.value = [...this.#samples.peek().slice(-(SAMPLES_MAX - 1)), sample]
  }

  /**
   * Adds the rate at which a counter grew since the last call, per second. A counter that fell has
   * begun anew, and one that is not known has no rate.
   *
   * @param at ms, of any clock that only rises.
   */
  addCounter(value: number | undefined, at: number): void {
    const before = this.#counter
    this.#counter = value === undefined ? undefined : { value, at }
    const grown = value === undefined || before === undefined ? -1 : value - before.value
    const passedMs = at - (before?.at ?? at)
    this.add(grown < 0 || passedMs <= 0 ? Number.NaN : (grown * 1000) / passedMs)
  }
}
