import { assert, type Revision } from "@headwater/core"
import type { Location } from "./follow/location.ts"

/** The form in which an image keeps the table. */
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
 * receive again what it has, which is harmless, but it misses nothing. For the same reason a row
 * may be dropped: its positions lead to an older row. A position strictly inside a gap is not
 * servable: a reader that came from another hub may hold a key that was created and deleted there,
 * and this hub does not know to delete it. The ends of a gap are servable.
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

  /** @param saved the table of an image; empty by default. */
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

  /** Adds a row for a complete version. Of two with one reach the newer one stays. */
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

  /** Adds a gap: a list jumped over everything strictly between two revisions. */
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
   * Returns the part that an image keeps, when everything up to `served` is in the saved version.
   * Gaps from there on are of lists that have not ended, which the image does not contain.
   */
  save(served: Revision): SavedVersions {
    const rows = this.#reaches.map((reach, row) => [reach, this.#versions[row] ?? 0] as const)
    return { rows, gaps: this.#gaps.filter(({ from }) => from < served), floor: this.#floor }
  }

  /** Drops rows below the horizon: changes since those versions can no longer be read. */
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
   * Locates a reader that holds everything up to `revision`.
   *
   * @param served everything up to this revision can be served; above it is `ahead`.
   */
  locate(revision: Revision, served: Revision): Location {
    if (revision > served) return { type: "ahead" }
    const oldest = this.oldest
    if (oldest === undefined || revision < oldest) return COMPACTED
    const version = this.#versions[countAtMost(this.#reaches, revision) - 1]
    assert(version !== undefined, "a revision not below the oldest has a row")
    if (this.#gaps.some(({ from, to }) => from < revision && revision < to)) {
      return COMPACTED
    }
    return { type: "resume", version }
  }

  /** The version of the first row; `undefined` before there is one. */
  get oldestVersion(): number | undefined {
    return this.#versions[0]
  }

  /** Asserts that rows and gaps are in order and within their bounds. For tests. */
  assertInvariants(): void {
    assert(this.#reaches.length === this.#versions.length, "each row has a reach and a version")
    assert(this.#reaches.length <= this.#rowsMax, "rows are bounded")
    assert(this.#gaps.length <= this.#gapsMax, "gaps are bounded")
    for (let row = 1; row < this.#reaches.length; row++) {
      assert(this.#reaches[row - 1]! < this.#reaches[row]!, "reaches go up from row to row")
      assert(this.#versions[row - 1]! < this.#versions[row]!, "versions go up from row to row")
    }
    for (const [index, { from, to }] of this.#gaps.entries()) {
      assert(to > from + 1, "a gap has a revision inside")
      assert(from >= (this.#gaps[index - 1]?.to ?? 0), "gaps do not overlap")
    }
  }

  // The first row is the oldest position that is servable, and the last is the present.
  #thin(): void {
    const last = this.#reaches.length - 1
    const keep = (_: number, row: number) => row % 2 === 0 || row === last
    this.#reaches = this.#reaches.filter(keep)
    this.#versions = this.#versions.filter(keep)
  }
}

const COMPACTED: Location = { type: "reset", reason: "compacted" }

/** Counts the numbers of an ascending list that are at most `bound`. */
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
