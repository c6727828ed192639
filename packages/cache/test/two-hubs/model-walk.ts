import type { ModelLeaf } from "./model-leaf.ts"
import type { Rules } from "./rules.ts"

/** The leaves of one hash, which a walk never parts. */
export interface ModelPlace {
  readonly hash: number
  readonly leaves: readonly ModelLeaf[]
}

const BITS = 5

/**
 * The leaves in the order of a walk, those after a place alone.
 *
 * A node has a slot for each value of five bits of the hash: a leaf that is alone in its slot is an
 * entry of the node, more of them are a child. The rule merges both by slot, which is the order of
 * the hashes, low bits first, whatever the shape. Without it a node's entries come before its
 * children: then the shape, which changes, decides what comes after a place.
 */
export function placesOf(
  leaves: Iterable<ModelLeaf>,
  rules: Pick<Rules, "slotOrder">,
  after: number | undefined,
): ModelPlace[] {
  const byHash = new Map<number, ModelLeaf[]>()
  for (const leaf of leaves) {
    const others = byHash.get(leaf.hash)
    if (others === undefined) byHash.set(leaf.hash, [leaf])
    else others.push(leaf)
  }
  const places = [...byHash].map(([hash, of]) => ({ hash, leaves: of }))
  return visit(places, rules, after, 0)
}

function visit(
  places: readonly ModelPlace[],
  rules: Pick<Rules, "slotOrder">,
  after: number | undefined,
  shift: number,
): ModelPlace[] {
  if (places.length === 0) return []
  const slotOf = (hash: number) => (hash >>> shift) & 31
  const slots = new Map<number, ModelPlace[]>()
  for (const place of places) {
    const slot = slotOf(place.hash)
    const others = slots.get(slot)
    if (others === undefined) slots.set(slot, [place])
    else others.push(place)
  }
  const ordered = [...slots].sort(([a], [b]) => a - b)
  const isChild = (of: readonly ModelPlace[]) => of.length > 1
  const at = after === undefined ? -1 : slotOf(after)
  const inside = (slot: number, of: readonly ModelPlace[]): ModelPlace[] => {
    if (isChild(of)) return visit(of, rules, slot === at ? after : undefined, shift + BITS)
    return slot === at && isDone(of[0], after, shift) ? [] : [...of]
  }
  if (rules.slotOrder) {
    return ordered.filter(([slot]) => slot >= at).flatMap(([slot, of]) => inside(slot, of))
  }
  const entries = ordered.filter(([, of]) => !isChild(of))
  const children = ordered.filter(([, of]) => isChild(of))
  if (slots.has(at) && isChild(slots.get(at) ?? [])) {
    return children.filter(([slot]) => slot >= at).flatMap(([slot, of]) => inside(slot, of))
  }
  const rest = entries.filter(([slot]) => slot >= at)
  return [...rest, ...children].flatMap(([slot, of]) => inside(slot, of))
}

// An entry in the slot of the place: of another hash it may come before the place or after it.
function isDone(place: ModelPlace | undefined, after: number | undefined, shift: number): boolean {
  if (place === undefined || after === undefined) return false
  for (let at = shift; at < 32; at += BITS) {
    const [a, b] = [(place.hash >>> at) & 31, (after >>> at) & 31]
    if (a !== b) return a < b
  }
  return true
}
