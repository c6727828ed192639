// Lookup: at most seven nodes, one for each 5 bits of the hash, then one comparison of keys.

import { placeOf } from "./hash"
import { fetchLeaf, hasKey, isTombstone, Leaf } from "./leaf"
import { bitOf, childSlot, entrySlot, isCollision, Node, slotAt } from "./node"

const NO_LEAF = changetype<Leaf>(0)

/** The leaf of a key beneath a root, tombstones included; 0 when there is none. */
export function find(root: Node, hash: u32, key: usize, keyBytes: u32): Leaf {
  let node = root
  if (changetype<usize>(node) == 0) return NO_LEAF
  for (let shift: u32 = 0; shift < 35; shift += 5) {
    const bit = bitOf(hash, shift)
    if ((node.children & bit) != 0) {
      node = load<Node>(childSlot(node, bit))
      continue
    }
    if ((node.entries & bit) == 0) return NO_LEAF
    const leaf = load<Leaf>(entrySlot(node, bit))
    fetchLeaf(leaf)
    return leaf.hash == hash && hasKey(leaf, key, keyBytes) ? leaf : NO_LEAF
  }
  assert(isCollision(node))
  for (let index: u32 = 0; index < node.entries; index++) {
    const leaf = load<Leaf>(slotAt(node, index))
    if (hasKey(leaf, key, keyBytes)) return leaf
  }
  return NO_LEAF
}

/** The live leaf of a key beneath a root, or 0. */
export function findLive(root: Node, key: usize, keyBytes: u32): Leaf {
  const leaf = find(root, placeOf(key, keyBytes), key, keyBytes)
  return changetype<usize>(leaf) == 0 || isTombstone(leaf) ? NO_LEAF : leaf
}
