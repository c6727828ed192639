import { STATES_KEPT } from "./keyed-map.ts"

/** The newest ten states, oldest out first. */
export class LastTen<State> {
  readonly #states: (State | undefined)[] = new Array(STATES_KEPT).fill(undefined)
  #next = 0

  /** Keeps a state; returns the one that it pushed out. */
  push(state: State): State | undefined {
    const oldest = this.#states[this.#next]
    this.#states[this.#next] = state
    this.#next = (this.#next + 1) % STATES_KEPT
    return oldest
  }

  /** The oldest one that is kept. */
  oldest(): State | undefined {
    return this.#states[this.#next] ?? this.#states[0]
  }

  /** Lets go of all of them, and returns them. */
  clear(): State[] {
    const states = this.#states.filter((state) => state !== undefined)
    this.#states.fill(undefined)
    this.#next = 0
    return states
  }
}
