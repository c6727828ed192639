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
  openings: {
    bench: 70,
    client: 37,
    example: 7,
    "read-through": 3,
    server: 90,
    stream: 8,
    syncer: 127,
    testing: 31,
    tools: 26,
  },
  words: {
    "ARCHITECTURE.md": 24,
    bench: 23,
    client: 6,
    docs: 6,
    example: 1,
    "read-through": 7,
    server: 40,
    stream: 13,
    syncer: 30,
    testing: 12,
    tools: 11,
  },
  names: { example: 3, server: 24 },
  types: [
    "Cursor",
    "EventOf",
    "Follower",
    "Frame",
    "Held",
    "Lease",
    "Leases",
    "Phase",
    "Place",
    "ReaderHost",
    "Slice",
    "Step",
  ],
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
