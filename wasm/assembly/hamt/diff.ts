// The difference of two versions, by structure: what is shared is skipped, leaves are compared by
// identity, and a tombstone counts as absent. Good for any two roots of one engine, in either
// order, and below the horizon too, since it looks at both.
//
// Both tries are walked together, slot by slot, in the order of a walk; so a slice can stop at a
// place and go on, as a walk does. A leaf on one side may meet a whole node on the other: then it
// is compared with that node's leaf of its key, and the rest of the node is new or gone.
//
//   answers, as records of MODE_RAW: OP_PUT for a leaf that only `root` has, OP_DELETE for one that
//   only `oldRoot` has, OP_TOUCH with its value for one whose key both have

import {
  OP_DELETE,
  OP_PUT,
  OP_TOUCH,
  WALK_BYTES_MAX,
  WALK_ENDED,
  WALK_ENTRIES,
  WALK_FILTER,
  WALK_HASH,
  WALK_NEED,
  WALK_OLD_ROOT,
  WALK_OUT,
  WALK_OUT_BYTES,
  WALK_ROOT,
  WALK_SKIP,
  WALK_STARTED,
  WALK_SUM_ENTRIES,
  WALK_VISITS_MAX,
  WALK_WRITTEN,
} from "../layout"
import { passes } from "./filter"
import { isAfter } from "./hash"
import { hasKey, isTombstone, keyBytesOf, keyOf, Leaf } from "./leaf"
import { bitOf, childSlot, entrySlot, isCollision, Node, slotAt } from "./node"
import { rawBytes, writeRaw } from "./walk"

/**
 * Compares one slice. Reads and answers in the request, as `walk` does; `WALK_SINCE` is not used.
 */
export function diff(request: usize): void {
  store<u32>(request, 0, WALK_WRITTEN)
  store<u32>(request, 0, WALK_ENTRIES)
  store<u32>(request, 0, WALK_NEED)
  store<u32>(request, 0, WALK_SUM_ENTRIES)
  const a = load<Node>(request, WALK_OLD_ROOT)
  const b = load<Node>(request, WALK_ROOT)
  const isOn = load<u32>(request, WALK_STARTED) != 0
  store<u32>(request, both(request, a, b, 0, isOn) ? 1 : 0, WALK_ENDED)
}

/** Compares two nodes of one path, either of which may be absent. False when the slice is full. */
function both(request: usize, a: Node, b: Node, shift: u32, isOn: bool): bool {
  if (a == b) return true
  if (shift >= 35) return collisions(request, a, b, isOn)
  if (isSpent(request)) return false
  let slots = slotsOf(a) | slotsOf(b)
  const own = isOn ? bitOf(load<u32>(request, WALK_HASH), shift) : 0
  if (isOn) slots &= ~(own - 1)
  while (slots != 0) {
    const bit = slots & (0 - slots)
    slots ^= bit
    if (!slot(request, a, b, bit, shift, isOn && bit == own)) return false
  }
  return true
}

function slotsOf(node: Node): u32 {
  return changetype<usize>(node) == 0 ? 0 : node.entries | node.children
}

/** One slot of two nodes: each side has a leaf, a child or nothing there. */
function slot(request: usize, a: Node, b: Node, bit: u32, shift: u32, isOn: bool): bool {
  const leafA = leafIn(a, bit)
  const leafB = leafIn(b, bit)
  const childA = childIn(a, bit)
  const childB = childIn(b, bit)
  if (changetype<usize>(childA) == 0 && changetype<usize>(childB) == 0) {
    return leaves(request, leafA, leafB, isOn)
  }
  if (changetype<usize>(leafA) != 0) return against(request, leafA, childB, shift + 5, isOn, true)
  if (changetype<usize>(leafB) != 0) return against(request, leafB, childA, shift + 5, isOn, false)
  return both(request, childA, childB, shift + 5, isOn)
}

function leafIn(node: Node, bit: u32): Leaf {
  if (changetype<usize>(node) == 0 || (node.entries & bit) == 0) return changetype<Leaf>(0)
  return load<Leaf>(entrySlot(node, bit))
}

function childIn(node: Node, bit: u32): Node {
  if (changetype<usize>(node) == 0 || (node.children & bit) == 0) return changetype<Node>(0)
  return load<Node>(childSlot(node, bit))
}

/** Compares two leaves of one slot, whose hashes may differ, in the order of the walk. */
function leaves(request: usize, a: Leaf, b: Leaf, isOn: bool): bool {
  if (a == b) {
    if (!isOn || isAfter(a.hash, load<u32>(request, WALK_HASH))) passed(request, a.hash)
    return true
  }
  if (changetype<usize>(a) == 0) return one(request, b, OP_PUT, isOn)
  if (changetype<usize>(b) == 0) return one(request, a, OP_DELETE, isOn)
  if (a.hash == b.hash) {
    if (sameKey(a, b)) return pair(request, a, b, isOn)
    // Different keys of one hash: a place cannot stand between them, `skip` can.
    return group(request, a, b, isOn)
  }
  if (isAfter(b.hash, a.hash)) {
    return one(request, a, OP_DELETE, isOn) && one(request, b, OP_PUT, isOn)
  }
  return one(request, b, OP_PUT, isOn) && one(request, a, OP_DELETE, isOn)
}

function sameKey(a: Leaf, b: Leaf): bool {
  return hasKey(a, keyOf(b), keyBytesOf(b))
}

/** A leaf on one side, a node with more on the other: the node's leaves in order, and this one. */
function against(
  request: usize,
  leaf: Leaf,
  node: Node,
  shift: u32,
  isOn: bool,
  isOld: bool,
): bool {
  if (shift >= 35) {
    const first = load<Leaf>(slotAt(node, 0))
    const place = load<u32>(request, WALK_HASH)
    if (leaf.hash == first.hash) return groupAgainst(request, leaf, node, isOn, isOld)
    const isBefore = isAfter(first.hash, leaf.hash)
    if (isBefore && !one(request, leaf, isOld ? OP_DELETE : OP_PUT, isOn)) return false
    if (!isOn || isAfter(first.hash, place)) {
      const none = changetype<Node>(0)
      if (!collisions(request, isOld ? none : node, isOld ? node : none, isOn)) return false
    }
    return isBefore || one(request, leaf, isOld ? OP_DELETE : OP_PUT, isOn)
  }
  const own = bitOf(leaf.hash, shift)
  const placed = isOn ? bitOf(load<u32>(request, WALK_HASH), shift) : 0
  let slots = node.entries | node.children | own
  if (isOn) slots &= ~(placed - 1)
  while (slots != 0) {
    const bit = slots & (0 - slots)
    slots ^= bit
    const isHere = isOn && bit == placed
    const there = leafIn(node, bit)
    const child = childIn(node, bit)
    const mine = bit == own ? leaf : changetype<Leaf>(0)
    if (changetype<usize>(child) == 0) {
      if (!leaves(request, isOld ? mine : there, isOld ? there : mine, isHere)) return false
    } else if (bit == own) {
      if (!against(request, leaf, child, shift + 5, isHere, isOld)) return false
    } else {
      const none = changetype<Node>(0)
      if (!both(request, isOld ? none : child, isOld ? child : none, shift + 5, isHere))
        return false
    }
  }
  return true
}

/** A leaf and a collision node of the same hash. */
function groupAgainst(request: usize, leaf: Leaf, node: Node, isOn: bool, isOld: bool): bool {
  if (isOn && !isAfter(leaf.hash, load<u32>(request, WALK_HASH))) return true
  let index: u32 = 0
  let isMet = false
  for (let at: u32 = 0; at < node.entries; at++) {
    const there = load<Leaf>(slotAt(node, at))
    const isSame = sameKey(leaf, there)
    isMet = isMet || isSame
    const a = isOld ? (isSame ? leaf : changetype<Leaf>(0)) : there
    const b = isOld ? there : isSame ? leaf : changetype<Leaf>(0)
    if (!member(request, a, b, index)) return false
    index += 1
  }
  if (!isMet) {
    const none = changetype<Leaf>(0)
    if (!member(request, isOld ? leaf : none, isOld ? none : leaf, index)) return false
  }
  passed(request, leaf.hash)
  return true
}

/** Two collision nodes of one hash, either of which may be absent. */
function collisions(request: usize, a: Node, b: Node, isOn: bool): bool {
  const some = changetype<usize>(a) == 0 ? b : a
  if (changetype<usize>(some) == 0) return true
  assert(isCollision(some))
  const hash = load<Leaf>(slotAt(some, 0)).hash
  if (isOn && !isAfter(hash, load<u32>(request, WALK_HASH))) return true
  let index: u32 = 0
  const countA: u32 = changetype<usize>(a) == 0 ? 0 : a.entries
  for (let at: u32 = 0; at < countA; at++) {
    const leaf = load<Leaf>(slotAt(a, at))
    if (!member(request, leaf, twin(b, leaf), index)) return false
    index += 1
  }
  const countB: u32 = changetype<usize>(b) == 0 ? 0 : b.entries
  for (let at: u32 = 0; at < countB; at++) {
    const leaf = load<Leaf>(slotAt(b, at))
    if (changetype<usize>(twin(a, leaf)) == 0) {
      if (!member(request, changetype<Leaf>(0), leaf, index)) return false
    }
    index += 1
  }
  passed(request, hash)
  return true
}

/** The leaf of a collision node with the key of another leaf, or 0. */
function twin(node: Node, leaf: Leaf): Leaf {
  if (changetype<usize>(node) == 0) return changetype<Leaf>(0)
  for (let at: u32 = 0; at < node.entries; at++) {
    const there = load<Leaf>(slotAt(node, at))
    if (sameKey(there, leaf)) return there
  }
  return changetype<Leaf>(0)
}

function group(request: usize, a: Leaf, b: Leaf, isOn: bool): bool {
  if (isOn && !isAfter(a.hash, load<u32>(request, WALK_HASH))) return true
  if (!member(request, a, changetype<Leaf>(0), 0)) return false
  if (!member(request, changetype<Leaf>(0), b, 1)) return false
  passed(request, a.hash)
  return true
}

/** Number `index` of the leaves of one hash; those before `WALK_SKIP` are done. */
function member(request: usize, a: Leaf, b: Leaf, index: u32): bool {
  if (index < load<u32>(request, WALK_SKIP)) return true
  store<u32>(request, index, WALK_SKIP)
  if (a == b) return true
  if (changetype<usize>(a) == 0) return emit(request, b, OP_PUT)
  if (changetype<usize>(b) == 0) return emit(request, a, OP_DELETE)
  return emitPair(request, a, b)
}

function pair(request: usize, a: Leaf, b: Leaf, isOn: bool): bool {
  if (isOn && !isAfter(a.hash, load<u32>(request, WALK_HASH))) return true
  if (!emitPair(request, a, b)) return false
  passed(request, a.hash)
  return true
}

function emitPair(request: usize, a: Leaf, b: Leaf): bool {
  if (isTombstone(a)) return emit(request, b, OP_PUT)
  if (isTombstone(b)) return emit(request, a, OP_DELETE)
  return emit(request, b, OP_TOUCH)
}

/** One leaf that stands alone in its hash. */
function one(request: usize, leaf: Leaf, op: u32, isOn: bool): bool {
  if (isOn && !isAfter(leaf.hash, load<u32>(request, WALK_HASH))) return true
  if (!emit(request, leaf, op)) return false
  passed(request, leaf.hash)
  return true
}

function passed(request: usize, hash: u32): void {
  store<u32>(request, hash, WALK_HASH)
  store<u32>(request, 1, WALK_STARTED)
  store<u32>(request, 0, WALK_SKIP)
  store<u32>(request, 1, WALK_SUM_ENTRIES)
}

/** Counts one more look. True when there were enough of them and the place has moved meanwhile. */
function isSpent(request: usize): bool {
  const left = load<u32>(request, WALK_VISITS_MAX)
  if (left > 0) {
    store<u32>(request, left - 1, WALK_VISITS_MAX)
    return false
  }
  return load<u32>(request, WALK_SUM_ENTRIES) != 0
}

/** Writes a record. False when the slice is full; then the leaf is not done. */
function emit(request: usize, leaf: Leaf, op: u32): bool {
  if (isSpent(request)) return false
  if (isTombstone(leaf)) return true
  if (!passes(load<usize>(request, WALK_FILTER), keyOf(leaf), keyBytesOf(leaf))) return true
  const entries = load<u32>(request, WALK_ENTRIES)
  const written = load<u32>(request, WALK_WRITTEN)
  const need = rawBytes(leaf)
  if (written + need > load<u32>(request, WALK_OUT_BYTES)) {
    if (entries == 0) store<u32>(request, need, WALK_NEED)
    return false
  }
  if (entries > 0 && written + need > load<u32>(request, WALK_BYTES_MAX)) return false
  const from = load<usize>(request, WALK_OUT)
  const end = writeRaw(from + written, leaf, op, op != OP_DELETE)
  store<u32>(request, <u32>(end - from), WALK_WRITTEN)
  store<u32>(request, entries + 1, WALK_ENTRIES)
  return true
}
