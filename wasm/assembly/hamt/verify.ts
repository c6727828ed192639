// Walks a trie and asserts every invariant that the headers of this folder state. Debug build only:
// in the release build it is empty. Cost: everything beneath the root, and a lookup a leaf.

import { find } from "./find"
import { digestOf, placeOf } from "./hash"
import {
  compareKey,
  isTombstone,
  keyBytesOf,
  keyOf,
  Leaf,
  birthOf as leafBirthOf,
  valueBirthOf,
} from "./leaf"
import { birthOf, childCount, entryCount, isCollision, Node, slotAt } from "./node"
import { Record } from "./snapshot"

/**
 * Checks the version of a record. `scratch` are 64 bytes of the caller's. Traps where one fails.
 */
export function verify(record: Record, scratch: usize): void {
  if (ASC_NO_ASSERT) return
  memory.fill(scratch, 0, 24)
  const root = record.root
  if (changetype<usize>(root) != 0) {
    assert(birthOf(root) <= record.version)
    assert(entryCount(root) + childCount(root) > 0)
    verifyNode(root, root, 0, 0, scratch)
  }
  assert(load<u32>(scratch) == record.size)
  assert(load<u32>(scratch, 4) == record.tombstones)
  assert(load<u64>(scratch, 8) == record.digest)
}

// scratch: +0 live entries, +4 tombstones, +8 digest, +24 for the digest of one leaf
function verifyNode(root: Node, node: Node, shift: u32, path: u32, scratch: usize): void {
  const entries = entryCount(node)
  const children = childCount(node)
  assert(isCollision(node) == shift >= 35)
  assert((node.entries & node.children) == 0 || isCollision(node))
  assert(shift == 0 || entries + children > 1 || children == 1)
  for (let index: u32 = 0; index < entries; index++) {
    const leaf = load<Leaf>(slotAt(node, index))
    verifyLeaf(root, leaf, scratch)
    assert(leafBirthOf(leaf) <= birthOf(node))
    if (shift < 35) {
      assert(((leaf.hash >> shift) & 31) == bitIndex(node.entries, index))
      assert(shift == 0 || (leaf.hash & ((1 << shift) - 1)) == path)
    } else {
      assert(leaf.hash == path)
      if (index > 0) {
        const before = load<Leaf>(slotAt(node, index - 1))
        assert(compareKey(before, keyOf(leaf), keyBytesOf(leaf)) < 0)
      }
    }
  }
  for (let index: u32 = 0; index < children; index++) {
    const child = load<Node>(slotAt(node, entries + index))
    assert(birthOf(child) <= birthOf(node))
    const under = path | (bitIndex(node.children, index) << shift)
    assert(childCount(child) > 0 || entryCount(child) > 1)
    verifyNode(root, child, shift + 5, under, scratch)
  }
}

function verifyLeaf(root: Node, leaf: Leaf, scratch: usize): void {
  const key = keyOf(leaf)
  const keyBytes = keyBytesOf(leaf)
  assert(leaf.hash == placeOf(key, keyBytes))
  assert(find(root, leaf.hash, key, keyBytes) == leaf)
  assert(valueBirthOf(leaf) <= leafBirthOf(leaf))
  if (isTombstone(leaf)) {
    assert(leaf.valueBytes == 0)
    store<u32>(scratch, load<u32>(scratch, 4) + 1, 4)
    return
  }
  store<u32>(scratch, load<u32>(scratch) + 1)
  const digest = digestOf(key, keyBytes, leaf.revision, scratch + 24)
  store<u64>(scratch, load<u64>(scratch, 8) + digest, 8)
}

/** Number of the `index`-th bit that is set. */
function bitIndex(bits: u32, index: u32): u32 {
  let left = bits
  for (let passed: u32 = 0; passed < index; passed++) left &= left - 1
  return ctz(left)
}
