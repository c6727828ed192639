/**
 * Counts by the values of a few labels. The values come from fixed sets, such as the codes of
 * errors, so it does not grow with use.
 */
export class Tally<Labels extends Readonly<Record<string, string>>> {
  readonly #rows = new Map<string, { readonly labels: Labels; count: number }>()

  /** Adds to the count of these labels. */
  add(labels: Labels, by = 1): void {
    const key = Object.values(labels).join(" ")
    const row = this.#rows.get(key)
    if (row === undefined) this.#rows.set(key, { labels, count: by })
    else row.count += by
  }

  /** All counts with their labels. */
  get rows(): Iterable<{ readonly labels: Labels; readonly count: number }> {
    return this.#rows.values()
  }
}
