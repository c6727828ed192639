import { assert, type Revision } from "@headwater/core"
import type { Location } from "./follow/location.ts"

/** A table as an image keeps it. */
export interface SavedVersions {
  /** Reach and version, ascending. */
  readonly rows: readonly (readonly [reach: Revision, version: number])[]
  readonly gaps: readonly { readonly from: Revision; readonly to: Revision }[]
  readonly floor: Revision
}

/**
 * The table beside the trie: from revisions of the source to versions of this engine.
 *
 *     row     reach r → version v   v is complete, and the highest revision in it is r
 *     gap     (a, L)                a list jumped from a to L; what was in between left no trace
 *     floor   revision              positions below it are compacted
 *
 * A reader at revision P is served from the newest version whose reach is at most P. It may then
 * hear again what it has, which is harmless, but it misses nothing. For the same reason a row may
 * be dropped: its positions lead to an older row. A position strictly inside a gap is not servable:
 * a key that was created and deleted there may be held by a reader that came from another hub, and
 * nothing here remembers to delete it. The ends of a gap are servable.
 *
 * Bounds: `rowsMax` rows, by dropping every second one; `gapsMax` gaps, by raising the floor over
 * the oldest. Knows neither engine nor clock. Cost: O(log rows) to locate, O(1) amortised to add.
 */
export class Versions {
  #reaches: Revision[] = []
  #versions: number[] = []
  #gaps: { readonly from: Revision; readonly to: Revision }[] = []
  #floor: Revision = 0
  readonly #rowsMax: number
  readonly #gapsMax: number

  /** @param saved what it begins with; nothing by default. */
  constructor(
    limits: { readonly tableRowsMax: number; readonly gapsMax: number },
    saved?: SavedVersions,
  ) {
    assert(limits.tableRowsMax >= 4 && limits.gapsMax >= 1, "the table has room for a few rows")
    this.#rowsMax = limits.tableRowsMax
    this.#gapsMax = limits.gapsMax
    if (saved === undefined) return
    this.#floor = saved.floor
    for (const [reach, version] of saved.rows) this.complete(reach, version)
    for (const { from, to } of saved.gaps) this.gap(from, to)
  }

  /** Rows held now. */
  get rows(): number {
    return this.#reaches.length
  }

  /** Gaps held now. */
  get gaps(): number {
    return this.#gaps.length
  }

  /** The newest version in the table; 0 before the first. */
  get newest(): number {
    return this.#versions.at(-1) ?? 0
  }

  /** The lowest revision that is servable; `undefined` before the first version. */
  get oldest(): Revision | undefined {
    const first = this.#reaches[0]
    return first === undefined ? undefined : Math.max(first, this.#floor)
  }

  /** Notes a complete version. Of two with one reach the newer counts. */
  complete(reach: Revision, version: number): void {
    const last = this.#reaches.length - 1
    assert(reach >= (this.#reaches[last] ?? 0), "reaches never go down")
    assert(version > this.newest, "versions go up")
    if (this.#reaches[last] === reach) {
      this.#versions[last] = version
      return
    }
    if (this.#reaches.length === this.#rowsMax) this.#thin()
    this.#reaches.push(reach)
    this.#versions.push(version)
  }

  /** Notes that a list jumped over everything strictly between two revisions. */
  gap(from: Revision, to: Revision): void {
    if (to <= from + 1) return
    const last = this.#gaps.at(-1)
    if (last !== undefined && from < last.to) {
      assert(from >= last.from, "gaps are noted in order")
      this.#gaps[this.#gaps.length - 1] = { from: last.from, to: Math.max(last.to, to) }
      return
    }
    this.#gaps.push({ from, to })
    if (this.#gaps.length > this.#gapsMax) {
      const oldest = this.#gaps.shift()
      if (oldest !== undefined) this.#floor = Math.max(this.#floor, oldest.to)
    }
  }

  /**
   * What an image keeps of it, when everything up to `told` is in the version that is saved. Gaps
   * that begin there are those of lists that are not whole, which the image knows nothing of.
   */
  save(told: Revision): SavedVersions {
    const rows = this.#reaches.map((reach, row) => [reach, this.#versions[row] ?? 0] as const)
    return { rows, gaps: this.#gaps.filter(({ from }) => from < told), floor: this.#floor }
  }

  /** Forgets what is below the horizon: versions whose changes can no longer be told. */
  prune(horizon: number): void {
    let rows = 0
    while (rows < this.#versions.length && (this.#versions[rows] ?? 0) < horizon) rows++
    if (rows > 0) {
      this.#reaches.splice(0, rows)
      this.#versions.splice(0, rows)
    }
    const oldest = this.oldest
    if (oldest === undefined) return
    let gaps = 0
    while (gaps < this.#gaps.length && (this.#gaps[gaps]?.to ?? 0) <= oldest) gaps++
    if (gaps > 0) this.#gaps.splice(0, gaps)
  }

  /**
   * Where a reader that holds everything up to `revision` is served from.
   *
   * @param told the source has told everything up to this revision; above it is `ahead`.
   */
  locate(revision: Revision, told: Revision): Location {
    if (revision > told) return { type: "ahead" }
    const oldest = this.oldest
    if (oldest === undefined || revision < oldest) return COMPACTED
    const version = this.#versions[countAtMost(this.#reaches, revision) - 1]
    assert(version !== undefined, "a revision not below the oldest has a row")
    if (this.#gaps.some(({ from, to }) => from < revision && revision < to)) {
      return COMPACTED
    }
    return { type: "resume", version }
  }

  // The first row says how far back positions reach, and the last is the present.
  #thin(): void {
    const last = this.#reaches.length - 1
    const keep = (_: number, row: number) => row % 2 === 0 || row === last
    this.#reaches = this.#reaches.filter(keep)
    this.#versions = this.#versions.filter(keep)
  }
}

const COMPACTED: Location = { type: "reset", reason: "compacted" }

/** How many of the ascending numbers are at most `bound`. */
function countAtMost(ascending: readonly number[], bound: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] ?? 0) <= bound) low = middle + 1
    else high = middle
  }
  return low
}
