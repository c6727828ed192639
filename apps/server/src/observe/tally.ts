/** Most different labels of one tally; all others are counted as `other`. */
const ROWS_MAX = 64

/**
 * Counts by the values of a few labels. The values come from fixed sets, such as the codes of
 * errors, and are bounded all the same: a hub behind another one hears codes from there.
 */
export class Tally<Labels extends Readonly<Record<string, string>>> {
  readonly #rows = new Map<string, { readonly labels: Labels; count: number }>()

  /** @param known labels that begin at 0: a monitor sees a first event only from 0 to 1. */
  constructor(known: readonly Labels[] = []) {
    for (const labels of known) this.add(labels, 0)
  }

  /** Adds to the count of these labels. */
  add(labels: Labels, by = 1): void {
    const key = Object.values(labels).join(" ")
    const row = this.#rows.get(key)
    if (row !== undefined) row.count += by
    else if (this.#rows.size < ROWS_MAX - 1) this.#rows.set(key, { labels, count: by })
    else this.#addOther(labels, by)
  }

  /** All counts with their labels. */
  get rows(): Iterable<{ readonly labels: Labels; readonly count: number }> {
    return this.#rows.values()
  }

  #addOther(labels: Labels, by: number): void {
    const names = Object.keys(labels)
    const other = Object.fromEntries(names.map((name) => [name, "other"])) as unknown as Labels
    const row = this.#rows.get("other")
    if (row === undefined) this.#rows.set("other", { labels: other, count: by })
    else row.count += by
  }
}
