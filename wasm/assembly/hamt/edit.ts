// The open edit: which blocks it may write, and what it has changed so far.
//
// A block whose birth is the version being edited was made by this edit, so no snapshot has it: it
// is written in place and freed at once. Any other block is shared with a committed version: it is
// copied, and goes to the edit's dead list. That one comparison replaces reference counts.

import {
  STATE_BYTES,
  STATE_DEAD,
  STATE_DIGEST,
  STATE_EDIT,
  STATE_NODES,
  STATE_SIZE,
  STATE_TOMBSTONE_BYTES,
  STATE_TOMBSTONES,
} from "../layout"
import { allocate } from "../memory/arena"
import { copy } from "../memory/bytes"
import { push } from "../memory/dead-list"
import { digestOf } from "./hash"
import {
  destroy as destroyLeaf,
  isTombstone,
  keyBytesOf,
  keyOf,
  Leaf,
  birthOf as leafBirthOf,
  tombstoneBytesOf,
} from "./leaf"
import { birthOf, bytesFor, destroy as destroyNode, Node, slotCount } from "./node"

/** Marks a leaf in a dead list. Blocks are aligned to 16 bytes, so the low bits are free. */
const LEAF_TAG: usize = 1

/** True when the open edit made this node. */
export function isOwn(node: Node): bool {
  return birthOf(node) == load<u64>(STATE_EDIT)
}

/**
 * The node in `slot`, made writable: itself if it is of this edit, else a copy put in its place.
 */
export function own(slot: usize, node: Node): Node {
  if (isOwn(node)) return node
  const bytes = bytesFor(slotCount(node))
  const block = allocate(bytes)
  copy(block, changetype<usize>(node), bytes)
  const fresh = changetype<Node>(block)
  fresh.head = (load<u64>(STATE_EDIT) << 16) | (node.head & 0xffff)
  store<u32>(STATE_NODES, load<u32>(STATE_NODES) + 1)
  store<usize>(slot, block)
  killNode(node)
  return fresh
}

/** Lets go of a node that the edit has replaced. */
export function killNode(node: Node): void {
  if (isOwn(node)) destroyNode(node)
  else push(STATE_DEAD, changetype<usize>(node))
}

/** Lets go of a leaf that the edit has replaced. */
export function killLeaf(leaf: Leaf): void {
  if (leafBirthOf(leaf) == load<u64>(STATE_EDIT)) destroyLeaf(leaf)
  else push(STATE_DEAD, changetype<usize>(leaf) | LEAF_TAG)
}

/** Adds a leaf to the sums of the edit. `scratch` as in `digestOf`. */
export function count(leaf: Leaf, scratch: usize): void {
  tally(leaf, 1, scratch)
}

/** Takes a leaf out of the sums of the edit. */
export function discount(leaf: Leaf, scratch: usize): void {
  tally(leaf, -1, scratch)
}

function tally(leaf: Leaf, sign: i32, scratch: usize): void {
  if (isTombstone(leaf)) {
    store<u32>(STATE_TOMBSTONES, load<u32>(STATE_TOMBSTONES) + sign)
    const bytes = <f64>sign * tombstoneBytesOf(leaf)
    store<f64>(STATE_TOMBSTONE_BYTES, load<f64>(STATE_TOMBSTONE_BYTES) + bytes)
    return
  }
  store<u32>(STATE_SIZE, load<u32>(STATE_SIZE) + sign)
  const bytes = <f64>sign * <f64>(keyBytesOf(leaf) + leaf.valueBytes)
  store<f64>(STATE_BYTES, load<f64>(STATE_BYTES) + bytes)
  const digest = digestOf(keyOf(leaf), keyBytesOf(leaf), leaf.revision, scratch)
  store<u64>(STATE_DIGEST, load<u64>(STATE_DIGEST) + (sign > 0 ? digest : 0 - digest))
}

/** Version in which a block of a dead list was written. */
export function deadBirth(tagged: usize): u64 {
  return load<u64>(tagged & ~LEAF_TAG) >> 16
}

/** Frees a block of a dead list. */
export function freeDead(tagged: usize): void {
  if ((tagged & LEAF_TAG) != 0) destroyLeaf(changetype<Leaf>(tagged & ~LEAF_TAG))
  else destroyNode(changetype<Node>(tagged))
}
