// A leaf: a key with its value, or the tombstone of one.
//
//   offset  size  field       type  meaning
//   +0      8     head        u64   birth of the entry, 48 bits ‖ flags, 3 ‖ key bytes, 13
//   +8      8     valueHead   u64   birth of the value, 48 bits ‖ 0
//   +16     8     revision    f64   the source's; an integer
//   +24     4     hash        u32   place of the key
//   +28     4     valueBytes  u32   0 in a tombstone
//   +32     k     key         u8[]
//   +32+k   v     value       u8[]
//
// Held by the nodes of every version since its birth that has it. Never written once its edit is
// committed. A leaf that was written again with the same bytes keeps the birth of its value: a
// reader at that version or a later one has the value already.

import {
  LEAF_HEADER_BYTES,
  LEAF_KEY_MASK,
  LEAF_TOMBSTONE,
  STATE_EDIT,
  STATE_LEAVES,
} from "../layout"
import { allocate, free } from "../memory/arena"
import { copy, equal, fetch } from "../memory/bytes"

const KEY_MASK: u64 = <u64>LEAF_KEY_MASK
const TOMBSTONE: u64 = <u64>LEAF_TOMBSTONE

@unmanaged
export class Leaf {
  head: u64
  valueHead: u64
  revision: f64
  hash: u32
  valueBytes: u32
  origin: u64
}

/** Creates a leaf of the open edit. `valueBirth` is a version. */
export function create(
  hash: u32,
  key: usize,
  keyBytes: u32,
  value: usize,
  valueBytes: u32,
  revision: f64,
  valueBirth: u64,
  tombstone: bool,
): Leaf {
  const leaf = changetype<Leaf>(allocate(LEAF_HEADER_BYTES + keyBytes + valueBytes))
  leaf.head = (load<u64>(STATE_EDIT) << 16) | <u64>keyBytes | (tombstone ? TOMBSTONE : 0)
  leaf.valueHead = valueBirth << 16
  leaf.revision = revision
  leaf.hash = hash
  leaf.valueBytes = valueBytes
  leaf.origin = 7
  copy(keyOf(leaf), key, keyBytes)
  copy(keyOf(leaf) + keyBytes, value, valueBytes)
  store<u32>(STATE_LEAVES, load<u32>(STATE_LEAVES) + 1)
  return leaf
}

/** Gives a leaf that comes out of an image the births that it had. */
export function restamp(leaf: Leaf, birth: u64, valueBirth: u64): void {
  leaf.head = (birth << 16) | (leaf.head & 0xffff)
  leaf.valueHead = valueBirth << 16
}

export function destroy(leaf: Leaf): void {
  store<u32>(STATE_LEAVES, load<u32>(STATE_LEAVES) - 1)
  free(changetype<usize>(leaf))
}

export function birthOf(leaf: Leaf): u64 {
  return leaf.head >> 16
}

export function valueBirthOf(leaf: Leaf): u64 {
  return leaf.valueHead >> 16
}

export function isTombstone(leaf: Leaf): bool {
  return (leaf.head & TOMBSTONE) != 0
}

export function keyBytesOf(leaf: Leaf): u32 {
  return <u32>(leaf.head & KEY_MASK)
}

export function keyOf(leaf: Leaf): usize {
  return changetype<usize>(leaf) + LEAF_HEADER_BYTES
}

export function valueOf(leaf: Leaf): usize {
  return keyOf(leaf) + keyBytesOf(leaf)
}

/**
 * Fetches all cache lines of a leaf of up to 240 bytes but the first, before its value is read. A
 * leaf begins at a multiple of 16, so it may lie in five lines.
 */
export function fetchLeaf(leaf: Leaf): void {
  fetch(changetype<usize>(leaf) + 64)
  fetch(changetype<usize>(leaf) + 128)
  fetch(changetype<usize>(leaf) + 192)
  fetch(changetype<usize>(leaf) + 224)
}

/** Bytes that a tombstone counts against the bound on tombstone bytes. */
export function tombstoneBytesOf(leaf: Leaf): f64 {
  return <f64>(LEAF_HEADER_BYTES + keyBytesOf(leaf))
}

export function hasKey(leaf: Leaf, key: usize, keyBytes: u32): bool {
  return keyBytesOf(leaf) == keyBytes && equal(keyOf(leaf), key, keyBytes)
}

/** Order of two keys as bytes, for the fixed order inside a collision node. */
export function compareKey(leaf: Leaf, key: usize, keyBytes: u32): i32 {
  const own = keyBytesOf(leaf)
  const order = memory.compare(keyOf(leaf), key, min(own, keyBytes))
  return order != 0 ? order : <i32>own - <i32>keyBytes
}
