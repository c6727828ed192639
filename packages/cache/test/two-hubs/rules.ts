/**
 * The rules that make it work: `design` of the trie (births, tombstones, walks, sweeps) and of
 * positions (complete versions, the table, its gaps, its first row). Each can be switched off, to
 * see that the model notices.
 */
export interface Rules {
  /** A leaf has a birth of its own for its value: a touch is told only to who has the value. */
  readonly valueBirths: boolean
  /** Every event is applied, one by one: also a put that the same batch deletes. */
  readonly everyEvent: boolean
  /** A walk merges entries and children by slot, so that a place stays a place. */
  readonly slotOrder: boolean
  /** The way in which a reader goes on when its walk was cut. */
  readonly catchUp: "whole" | "ends-where-it-ended" | "ends-where-it-began" | "without-resets"
  /** A sweep moves the horizon before it takes anything out. */
  readonly horizonFirst: boolean
  /** Births count versions. Else a sweep, which has its base's revision, writes into the base. */
  readonly versionBirths: boolean
  /** Only complete versions are served. */
  readonly completeOnly: boolean
  /** A position leads to the newest version whose reach is not above it. */
  readonly reachTable: "at-most" | "at-least" | "newest"
  /** Positions that a list jumped over are not servable. */
  readonly gaps: boolean
  /** Nothing before the first list of a fresh hub is servable. */
  readonly firstRow: boolean
  /** The part of the table that an image brings. */
  readonly image: "whole" | "without-gaps"
}

/** All of them on. */
export const RULES: Rules = {
  valueBirths: true,
  everyEvent: true,
  slotOrder: true,
  catchUp: "whole",
  horizonFirst: true,
  versionBirths: true,
  completeOnly: true,
  reachTable: "at-most",
  gaps: true,
  firstRow: true,
  image: "whole",
}

/** A fault that a run found: a missed change, a ghost, a wrong value, or a false alarm. */
export class Fault extends Error {
  override readonly name = "Fault"
}
