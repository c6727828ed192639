// Taking a leaf out: what a sweep does with a tombstone. A node that is left with one leaf and no
// child gives it to its parent, and so on upward, so that the same entries have the same shape
// whatever came before (once no tombstone is left).

import { STATE_ROOT } from "../layout"
import { copy } from "../memory/bytes"
import { discount, isOwn, killLeaf, killNode, own } from "./edit"
import { Leaf } from "./leaf"
import {
  bitOf,
  bytesFor,
  childSlot,
  create as createNode,
  entryCount,
  isCollision,
  Node,
  slotAt,
  slotCount,
} from "./node"

/**
 * Takes a leaf, which must be there, out of the open edit. `path` are 32 bytes of the caller's, for
 * the slots on the way. The caller has reserved room.
 */
export function remove(leaf: Leaf, path: usize, scratch: usize): void {
  const hash = leaf.hash
  let slot: usize = STATE_ROOT
  let depth: u32 = 0
  let node = own(slot, load<Node>(slot))
  let shift: u32 = 0
  while (shift < 35 && (node.children & bitOf(hash, shift)) != 0) {
    store<usize>(path + (depth << 2), slot)
    depth += 1
    slot = childSlot(node, bitOf(hash, shift))
    node = own(slot, load<Node>(slot))
    shift += 5
  }
  const index = indexOf(node, leaf)
  node = removeSlot(slot, node, index)
  if (isCollision(node)) node.entries -= 1
  else node.entries &= ~bitOf(hash, shift)
  discount(leaf, scratch)
  killLeaf(leaf)
  inline(node, hash, shift, path, depth)
}

/** Hands the single leaf of a node to its parent, as long as there is such a node and a parent. */
function inline(node: Node, hash: u32, shift: u32, path: usize, depth: u32): void {
  while (depth > 0 && node.children == 0 && entryCount(node) == 1) {
    const leaf = load<Leaf>(slotAt(node, 0))
    depth -= 1
    shift -= 5
    const parent = load<Node>(load<usize>(path + (depth << 2)))
    childToEntry(parent, bitOf(hash, shift), leaf)
    killNode(node)
    node = parent
  }
  if (depth == 0 && node.children == 0 && entryCount(node) == 0) {
    store<usize>(STATE_ROOT, 0)
    killNode(node)
  }
}

function indexOf(node: Node, leaf: Leaf): u32 {
  const entries = entryCount(node)
  for (let index: u32 = 0; index < entries; index++) {
    if (load<Leaf>(slotAt(node, index)) == leaf) return index
  }
  assert(false)
  return 0
}

/** Closes slot number `index` of a node of this edit. It moves to a smaller block when it can. */
function removeSlot(slot: usize, node: Node, index: u32): Node {
  assert(isOwn(node))
  const slots = slotCount(node)
  const tail = (slots - index - 1) << 2
  if (bytesFor(slots) == bytesFor(slots - 1)) {
    memory.copy(slotAt(node, index), slotAt(node, index + 1), tail)
    return node
  }
  const narrower = createNode(slots - 1, isCollision(node))
  narrower.entries = node.entries
  narrower.children = node.children
  copy(slotAt(narrower, 0), slotAt(node, 0), index << 2)
  copy(slotAt(narrower, index), slotAt(node, index + 1), tail)
  store<Node>(slot, narrower)
  killNode(node)
  return narrower
}

/** Replaces the child in the slot of `bit` by a leaf, in a node of this edit. */
function childToEntry(node: Node, bit: u32, leaf: Leaf): void {
  assert(isOwn(node))
  const to = popcnt(node.entries & (bit - 1))
  const from = popcnt(node.entries) + popcnt(node.children & (bit - 1))
  memory.copy(slotAt(node, to + 1), slotAt(node, to), (from - to) << 2)
  store<Leaf>(slotAt(node, to), leaf)
  node.children &= ~bit
  node.entries |= bit
}
