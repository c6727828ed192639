import type { PackageRecord } from "./package-index.ts"

/** The packages that are there, and those that an earlier round took away. */
export interface PackageState {
  readonly held: readonly PackageRecord[]
  readonly removed: readonly PackageRecord[]
}

/** The change that a round makes to one package. */
export type PackageChange =
  | { readonly op: "put"; readonly record: PackageRecord }
  | { readonly op: "delete"; readonly name: string }

/** Each round deletes one package in so many. */
const REMOVED_EVERY = 25

/**
 * Draws a round of changes, each of another package: those that the round before took away come
 * back, some are taken away, and the others get a new version. Fewer than `count` only where there
 * are fewer packages. Pure but for `random`.
 */
export function drawRound(
  state: PackageState,
  count: number,
  random: () => number,
): { readonly changes: readonly PackageChange[]; readonly state: PackageState } {
  const back = state.removed.slice(0, count)
  const held = [...state.held]
  const drawn = drawInto(held, count - back.length, random)
  const removed = drawn.filter((_, index) => index % REMOVED_EVERY === 0)
  const updated = drawn.filter((_, index) => index % REMOVED_EVERY !== 0).map(withNextVersion)
  return {
    changes: [
      ...back.map((record) => ({ op: "put", record }) as const),
      ...updated.map((record) => ({ op: "put", record }) as const),
      ...removed.map(({ name }) => ({ op: "delete", name }) as const),
    ],
    state: {
      held: [...held, ...back, ...updated],
      removed: [...state.removed.slice(count), ...removed],
    },
  }
}

/** Takes `count` items out of an array, at random, and returns them. */
function drawInto<Item>(items: Item[], count: number, random: () => number): Item[] {
  const drawn: Item[] = []
  while (drawn.length < count && items.length > 0) {
    const at = Math.floor(random() * items.length)
    drawn.push(items[at] as Item)
    items[at] = items[items.length - 1] as Item
    items.pop()
  }
  return drawn
}

function withNextVersion(record: PackageRecord): PackageRecord {
  const [, base = "", round = "0"] = /^(.*?)(?:\+live(\d+))?$/.exec(record.version) ?? []
  return { ...record, version: `${base}+live${Number(round) + 1}` }
}
