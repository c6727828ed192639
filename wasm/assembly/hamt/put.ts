// Writing a leaf: a value, or the tombstone of one. Down the path that the hash names, every node
// is made writable, which copies it at most once an edit; at its end a leaf is replaced, a slot is
// added, or two leaves that fall together get a node of their own.

import { STATE_EDIT, STATE_ROOT } from "../layout"
import { copy, equal, fetch } from "../memory/bytes"
import { count, discount, isOwn, killLeaf, killNode, own } from "./edit"
import {
  compareKey,
  create as createLeaf,
  hasKey,
  isTombstone,
  keyBytesOf,
  keyOf,
  Leaf,
  restamp,
  valueBirthOf,
  valueOf,
} from "./leaf"
import {
  bitOf,
  bytesFor,
  childSlot,
  create as createNode,
  entryCount,
  entrySlot,
  isCollision,
  Node,
  slotAt,
  slotCount,
} from "./node"

const NO_LEAF = changetype<Leaf>(0)

/** The arguments of one write, handed down the path together. */
@unmanaged
export class Write {
  key: usize
  keyBytes: u32
  value: usize
  valueBytes: u32
  revision: f64
  hash: u32
  tombstone: u32
  /** 0, or the version of an image in which the leaf was written; and its value. */
  birth: u64
  valueBirth: u64
}

/**
 * Writes a leaf into the open edit. The caller has reserved room. `scratch` as in `digestOf`.
 * Cost: one node copied for each level at most, and O(1) sums.
 */
export function upsert(write: Write, scratch: usize): void {
  let slot: usize = STATE_ROOT
  let node = load<Node>(slot)
  if (changetype<usize>(node) == 0) {
    node = createNode(0, false)
    node.entries = 0
    node.children = 0
    store<Node>(slot, node)
  }
  const hash = write.hash
  for (let shift: u32 = 0; shift < 35; shift += 5) {
    const bit = bitOf(hash, shift)
    if ((node.children & bit) != 0) {
      const child = load<Node>(childSlot(node, bit))
      fetch(changetype<usize>(child)) // while its parent is copied
      fetch(changetype<usize>(child) + 64)
      node = own(slot, node)
      slot = childSlot(node, bit)
      node = child
      continue
    }
    if ((node.entries & bit) == 0) {
      insertEntry(slot, node, bit, leafFor(write, NO_LEAF, scratch))
      return
    }
    const old = load<Leaf>(entrySlot(node, bit))
    fetch(changetype<usize>(old)) // while its node is copied, which both of what follows need
    fetch(changetype<usize>(old) + 64) // the rest of a key of up to 96 bytes
    node = own(slot, node)
    if (old.hash == hash && hasKey(old, write.key, write.keyBytes)) {
      replace(entrySlot(node, bit), old, write, scratch)
      return
    }
    const leaf = leafFor(write, NO_LEAF, scratch)
    entryToChild(node, bit, join(shift + 5, old, leaf))
    return
  }
  upsertCollision(slot, node, write, scratch)
}

function upsertCollision(slot: usize, node: Node, write: Write, scratch: usize): void {
  assert(isCollision(node))
  let index: u32 = 0
  while (index < node.entries) {
    const old = load<Leaf>(slotAt(node, index))
    const order = compareKey(old, write.key, write.keyBytes)
    if (order == 0) {
      replace(slotAt(own(slot, node), index), old, write, scratch)
      return
    }
    if (order > 0) break
    index += 1
  }
  const leaf = leafFor(write, NO_LEAF, scratch)
  const wider = insertSlot(slot, node, index, changetype<usize>(leaf))
  wider.entries += 1
}

/**
 * Makes the leaf of a write, and moves the sums from `old`, the key's present leaf, or 0, to it.
 */
function leafFor(write: Write, old: Leaf, scratch: usize): Leaf {
  let valueBirth = load<u64>(STATE_EDIT)
  if (changetype<usize>(old) != 0) {
    if (!write.tombstone && !isTombstone(old) && hasValue(old, write))
      valueBirth = valueBirthOf(old)
    discount(old, scratch)
  }
  const leaf = createLeaf(
    write.hash,
    write.key,
    write.keyBytes,
    write.value,
    write.valueBytes,
    write.revision,
    valueBirth,
    write.tombstone != 0,
  )
  if (write.birth != 0) restamp(leaf, write.birth, write.valueBirth)
  count(leaf, scratch)
  return leaf
}

function hasValue(leaf: Leaf, write: Write): bool {
  return leaf.valueBytes == write.valueBytes && equal(valueOf(leaf), write.value, write.valueBytes)
}

function replace(slot: usize, old: Leaf, write: Write, scratch: usize): void {
  const leaf = leafFor(write, old, scratch)
  store<Leaf>(slot, leaf)
  killLeaf(old)
}

function insertEntry(slot: usize, node: Node, bit: u32, leaf: Leaf): void {
  const index = popcnt(node.entries & (bit - 1))
  const wider = insertSlot(slot, node, index, changetype<usize>(leaf))
  wider.entries |= bit
}

/**
 * Opens slot number `index` of the node in `slot` and fills it: in place when the node is of this
 * edit and has room, else in a copy. The bitmaps are the caller's.
 */
function insertSlot(slot: usize, node: Node, index: u32, pointer: usize): Node {
  const slots = slotCount(node)
  const tail = (slots - index) << 2
  if (isOwn(node) && bytesFor(slots) == bytesFor(slots + 1)) {
    memory.copy(slotAt(node, index + 1), slotAt(node, index), tail)
    store<usize>(slotAt(node, index), pointer)
    return node
  }
  const wider = createNode(slots + 1, isCollision(node))
  wider.entries = node.entries
  wider.children = node.children
  copy(slotAt(wider, 0), slotAt(node, 0), index << 2)
  store<usize>(slotAt(wider, index), pointer)
  copy(slotAt(wider, index + 1), slotAt(node, index), tail)
  store<Node>(slot, wider)
  killNode(node)
  return wider
}

/**
 * Replaces the leaf in the slot of `bit` by a child, in a node of this edit: the number of slots
 * stays as it is.
 */
function entryToChild(target: Node, bit: u32, child: Node): void {
  const from = popcnt(target.entries & (bit - 1))
  const to = entryCount(target) - 1 + popcnt(target.children & (bit - 1))
  memory.copy(slotAt(target, from), slotAt(target, from + 1), (to - from) << 2)
  store<Node>(slotAt(target, to), child)
  target.entries &= ~bit
  target.children |= bit
}

/** A node at `shift` that holds two leaves of different keys: a chain while their slots agree. */
function join(shift: u32, a: Leaf, b: Leaf): Node {
  let top = changetype<Node>(0)
  let hook: usize = 0
  while (true) {
    const node = shift < 35 ? joinSlots(shift, a, b) : joinCollision(a, b)
    if (hook == 0) top = node
    else store<Node>(hook, node)
    if (node.children == 0) return top
    hook = slotAt(node, 0)
    shift += 5
  }
}

function joinSlots(shift: u32, a: Leaf, b: Leaf): Node {
  const bitA = bitOf(a.hash, shift)
  const bitB = bitOf(b.hash, shift)
  if (bitA == bitB) {
    const node = createNode(1, false)
    node.entries = 0
    node.children = bitA
    return node
  }
  const node = createNode(2, false)
  node.entries = bitA | bitB
  node.children = 0
  const isInOrder = bitA < bitB
  store<Leaf>(slotAt(node, 0), isInOrder ? a : b)
  store<Leaf>(slotAt(node, 1), isInOrder ? b : a)
  return node
}

function joinCollision(a: Leaf, b: Leaf): Node {
  const node = createNode(2, true)
  node.entries = 2
  node.children = 0
  const isInOrder = compareKey(a, keyOf(b), keyBytesOf(b)) < 0
  store<Leaf>(slotAt(node, 0), isInOrder ? a : b)
  store<Leaf>(slotAt(node, 1), isInOrder ? b : a)
  return node
}
