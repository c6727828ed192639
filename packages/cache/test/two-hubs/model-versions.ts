import type { Location } from "../../src/follow/location.ts"
import type { CacheLimits } from "../../src/limits.ts"
import { type SavedVersions, Versions } from "../../src/versions.ts"
import type { Rules } from "./rules.ts"

type TableRules = Pick<Rules, "reachTable" | "gaps" | "firstRow" | "image">

/** The table, with its rules switched off. */
export class BrokenVersions extends Versions {
  readonly #rules: TableRules
  readonly #rows: (readonly [reach: number, version: number])[] = []

  constructor(rules: TableRules, limits: CacheLimits, saved?: SavedVersions) {
    super(limits, saved && broken(saved, rules))
    this.#rules = rules
    this.#rows.push(...(saved?.rows ?? []))
  }

  override complete(reach: number, version: number): void {
    super.complete(reach, version)
    // The parent's constructor comes here too, before there are rows of our own.
    if (#rows in this) this.#rows.push([reach, version])
  }

  override gap(from: number, to: number): void {
    if (!(#rules in this) || this.#rules.gaps) super.gap(from, to)
  }

  override locate(revision: number, told: number): Location {
    const located = super.locate(revision, told)
    if (located.type === "reset") {
      const [first] = this.#rows
      const isBefore = first !== undefined && revision < first[0]
      return isBefore && !this.#rules.firstRow ? { type: "resume", version: first[1] } : located
    }
    if (located.type !== "resume" || this.#rules.reachTable === "at-most") return located
    const above = this.#rows.find(([reach]) => reach >= revision)
    const version = this.#rules.reachTable === "newest" ? this.newest : (above?.[1] ?? this.newest)
    return { type: "resume", version }
  }
}

function broken(saved: SavedVersions, rules: TableRules): SavedVersions {
  return rules.image === "whole" ? saved : { ...saved, gaps: [] }
}
