// A node: one of the 32-way branches of the trie, in CHAMP form.
//
//   offset  size  field      type     meaning
//   +0      8     head       u64      birth, 48 bits ‖ 1 in a collision node, else 0
//   +8      4     entries    u32      bitmap: slots that hold a leaf; in a collision node, how many
//   +12     4     children   u32      bitmap: slots that hold a node; 0 in a collision node
//   +16     4·n   slots      usize[]  leaves in slot order, then nodes in slot order
//
// Invariants: the two bitmaps have no bit in common · a node other than the root has at least two
// leaves beneath it · its birth is not below any birth beneath it · a collision node stands below
// the seventh level, and its leaves have one hash and are ordered by key.
//
// The size is rounded up to 16 bytes, so up to three slots may be free at the end: a node of this
// edit grows into them in place.
//
// Source: Steindorfer and Vinju, CHAMP (OOPSLA 2015); births as in ZFS.

import { STATE_EDIT, STATE_NODES } from "../layout"
import { allocate, free } from "../memory/arena"

export const HEADER_BYTES: u32 = 16
const COLLISION: u64 = 1

@unmanaged
export class Node {
  head: u64
  entries: u32
  children: u32
}

export function create(slots: u32, collision: bool): Node {
  const node = changetype<Node>(allocate(bytesFor(slots)))
  node.head = (load<u64>(STATE_EDIT) << 16) | (collision ? COLLISION : 0)
  store<u32>(STATE_NODES, load<u32>(STATE_NODES) + 1)
  return node
}

export function destroy(node: Node): void {
  store<u32>(STATE_NODES, load<u32>(STATE_NODES) - 1)
  free(changetype<usize>(node))
}

export function birthOf(node: Node): u64 {
  return node.head >> 16
}

export function isCollision(node: Node): bool {
  return (node.head & COLLISION) != 0
}

/** Bit of the slot that a hash has at a level. */
export function bitOf(hash: u32, shift: u32): u32 {
  return 1 << ((hash >> shift) & 31)
}

export function entryCount(node: Node): u32 {
  return isCollision(node) ? node.entries : popcnt(node.entries)
}

export function childCount(node: Node): u32 {
  return popcnt(node.children)
}

export function slotCount(node: Node): u32 {
  return entryCount(node) + childCount(node)
}

/** Address of slot number `index`. */
export function slotAt(node: Node, index: u32): usize {
  return changetype<usize>(node) + HEADER_BYTES + (index << 2)
}

/** Address of the leaf in the slot of `bit`, or of where it would stand. */
export function entrySlot(node: Node, bit: u32): usize {
  return slotAt(node, popcnt(node.entries & (bit - 1)))
}

/** Address of the child in the slot of `bit`, or of where it would stand. */
export function childSlot(node: Node, bit: u32): usize {
  return slotAt(node, popcnt(node.entries) + popcnt(node.children & (bit - 1)))
}

/** Bytes of a node with so many slots, rounded up to what is allocated. */
export function bytesFor(slots: u32): u32 {
  return (HEADER_BYTES + (slots << 2) + 15) & ~15
}
