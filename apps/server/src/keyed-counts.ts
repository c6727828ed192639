/** Numbers of open things by the name that each counts for; a name without one costs nothing. */
export class KeyedCounts {
  readonly #counts = new Map<string, number>()

  /** Returns the number of a name; 0 without a name. */
  of(name: string | undefined): number {
    return name === undefined ? 0 : (this.#counts.get(name) ?? 0)
  }

  /** Changes the number of a name, if there is one. */
  add(name: string | undefined, change: 1 | -1): void {
    if (name === undefined) return
    const count = this.of(name) + change
    if (count === 0) this.#counts.delete(name)
    else this.#counts.set(name, count)
  }
}
