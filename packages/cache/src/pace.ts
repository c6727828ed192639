import type { Clock } from "@headwater/core"

/** Cuts long work into slices, so that no turn of the event loop takes longer than `sliceMs`. */
export class Pace {
  readonly #clock: Clock
  readonly #sliceMs: number
  #began = 0

  constructor(clock: Clock, sliceMs: number) {
    this.#clock = clock
    this.#sliceMs = sliceMs
  }

  /** A slice begins now. */
  begin(): void {
    this.#began = this.#clock.elapsed()
  }

  /** Lets others have a turn, if the slice is over. Answers whether they had one. */
  async giveWay(): Promise<boolean> {
    if (this.#clock.elapsed() - this.#began < this.#sliceMs) return false
    await this.#clock.yield()
    this.begin()
    return true
  }
}
