import { unitOf } from "./units.ts"

/** How many faults of one rule a unit still has. A number only ever falls. */
type Debt = Readonly<Record<string, number>>

/** What stands against a rule and is still to be mended. */
export const DEBTS: {
  readonly openings: Debt
  readonly words: Debt
  readonly names: Debt
  /** Names that two packages declare. */
  readonly types: readonly string[]
} = {
  openings: {},
  words: {},
  names: {},
  types: [],
}

/** The faults of the units that have more of them than their debt. */
export function aboveDebt(found: readonly string[], debt: Debt): string[] {
  const units = new Map<string, string[]>()
  for (const fault of found) {
    const path = fault.replace(/:.*/s, "")
    const unit = unitOf(path) ?? path.split("/")[0]!
    units.set(unit, [...(units.get(unit) ?? []), fault])
  }
  return [...units].flatMap(([unit, faults]) => {
    const allowed = debt[unit] ?? 0
    return faults.length > allowed
      ? [`${unit} has ${faults.length}, and may have ${allowed}`, ...faults]
      : []
  })
}
