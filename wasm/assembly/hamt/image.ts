// An image: a version as bytes, and back. It has the leaves, in the order of a walk, each as it
// stands in memory. The nodes are made anew, so an image is as small as its entries and knows
// nothing of pages. A load lays leaves out in walk order, which makes later walks faster.
//
// The births of leaves come back as they were. A node's birth is set to the newest birth beneath
// it, which is at most what it was: a walk since any version at or above the horizon finds the same
// changes as before. The seed of the hash comes back too, so a place of a cut walk stays a place.
//
// Decision: docs/decisions/core.md, “Images consist of leaves”.

import {
  BAD_IMAGE,
  FULL,
  KEY_BYTES_MAX,
  LEAF_HEADER_BYTES,
  OK,
  STATE_EDIT,
  STATE_HORIZON,
  STATE_ROOT,
  STATE_WRITES,
  VALUE_BYTES_MAX,
} from "../layout"
import { reserve } from "../memory/arena"
import { find } from "./find"
import { placeOf } from "./hash"
import {
  isTombstone,
  keyBytesOf,
  keyOf,
  Leaf,
  birthOf as leafBirthOf,
  valueBirthOf,
  valueOf,
} from "./leaf"
import { birthOf, childCount, entryCount, Node, slotAt } from "./node"
import { upsert, Write } from "./put"
import { put as enqueue } from "./tombstones"

/** Sets the versions of an image, before its leaves come. The trie is empty. */
export function begin(version: u64, horizon: u64): void {
  store<u64>(STATE_EDIT, version)
  store<u64>(STATE_HORIZON, horizon)
}

/** Takes leaves in. Trusts none of their fields: a checksum does not make a file well-formed. */
export function restore(from: usize, bytes: u32, write: Write, scratch: usize): i32 {
  const version = load<u64>(STATE_EDIT)
  let at = <u32>from
  const end = <u32>from + bytes
  while (at < end) {
    if (end - at < LEAF_HEADER_BYTES) return BAD_IMAGE
    const leaf = changetype<Leaf>(at)
    const keyBytes = keyBytesOf(leaf)
    if (keyBytes == 0 || keyBytes > KEY_BYTES_MAX || leaf.valueBytes > VALUE_BYTES_MAX)
      return BAD_IMAGE
    const size: u32 = (LEAF_HEADER_BYTES + keyBytes + leaf.valueBytes + 7) & ~7
    if (size > end - at) return BAD_IMAGE
    const birth = leafBirthOf(leaf)
    if (birth == 0 || birth > version || valueBirthOf(leaf) > birth) return BAD_IMAGE
    if (isTombstone(leaf) && leaf.valueBytes != 0) return BAD_IMAGE
    if (leaf.hash != placeOf(keyOf(leaf), keyBytes)) return BAD_IMAGE
    const root = load<Node>(STATE_ROOT)
    if (changetype<usize>(find(root, leaf.hash, keyOf(leaf), keyBytes)) != 0) return BAD_IMAGE
    if (reserve(size) == FULL) return FULL
    write.key = keyOf(leaf)
    write.keyBytes = keyBytes
    write.value = valueOf(leaf)
    write.valueBytes = leaf.valueBytes
    write.revision = leaf.revision
    write.hash = leaf.hash
    write.tombstone = isTombstone(leaf) ? 1 : 0
    write.birth = birth
    write.valueBirth = valueBirthOf(leaf)
    upsert(write, scratch)
    store<u32>(STATE_WRITES, load<u32>(STATE_WRITES) + 1)
    at += size
  }
  return OK
}

/** Takes the queue of tombstones in: u32 hash, u32 unused, u64 birth, in the order of births. */
export function restoreQueue(from: usize, entries: u32): i32 {
  const version = load<u64>(STATE_EDIT)
  let last: u64 = 0
  for (let index: u32 = 0; index < entries; index++) {
    const birth = load<u64>(from + (index << 4), 8)
    if (birth < last || birth > version) return BAD_IMAGE
    last = birth
    if (reserve(0) == FULL) return FULL
    enqueue(load<u32>(from + (index << 4)), birth)
  }
  return OK
}

/** Sets every node's birth to the newest beneath it. Cost: every node once. */
export function retime(): void {
  const root = load<Node>(STATE_ROOT)
  if (changetype<usize>(root) != 0) retimeNode(root)
}

function retimeNode(node: Node): u64 {
  let newest: u64 = 0
  const entries = entryCount(node)
  for (let index: u32 = 0; index < entries; index++) {
    newest = max(newest, leafBirthOf(load<Leaf>(slotAt(node, index))))
  }
  const slots = entries + childCount(node)
  for (let index = entries; index < slots; index++) {
    newest = max(newest, retimeNode(load<Node>(slotAt(node, index)))) // at most eight deep
  }
  assert(newest <= birthOf(node))
  node.head = (newest << 16) | (node.head & 0xffff)
  return newest
}
