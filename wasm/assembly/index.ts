// The ABI: every export, and nothing else exports. Addresses are u32, versions and revisions f64;
// statuses and codes are in `layout.ts`. No call keeps an address that it was given.

import * as buffers from "./buffer/buffer"
import * as items from "./buffer/item"
import { diff as diffSlice } from "./hamt/diff"
import { findLive } from "./hamt/find"
import { placeOf } from "./hamt/hash"
import * as image from "./hamt/image"
import { Node } from "./hamt/node"
import { Write } from "./hamt/put"
import * as resync from "./hamt/resync"
import * as snapshots from "./hamt/snapshot"
import * as tombstones from "./hamt/tombstones"
import { verify as verifyRecord } from "./hamt/verify"
import { walk as walkSlice } from "./hamt/walk"
import { writeAll, writeDelete, writePut } from "./hamt/write"
import {
  ABI_VERSION,
  ITEM_HEADER_BYTES,
  OK,
  STATE_CURRENT,
  STATE_HASH_MASK,
  STATE_HORIZON,
  STATE_ROOT,
  STATE_SEED_0,
  STATE_SEED_1,
} from "./layout"
import { assertLayout } from "./layout-check"
import * as arena from "./memory/arena"

/** The ABI of this module. A host built against another one must not go on. */
export function abiVersion(): u32 {
  return ABI_VERSION
}

// ── the engine ──

/** Lays out a zeroed memory. `hashMask` is all ones but in tests that force collisions. */
export function create(pagesMax: u32, seedLo: u32, seedHi: u32, hashMask: u32): i32 {
  assertLayout()
  const status = arena.create(pagesMax)
  if (status != OK) return status
  const seed = ((<u64>seedHi) << 32) | <u64>seedLo
  store<u64>(STATE_SEED_0, seed)
  store<u64>(STATE_SEED_1, seed * 0x9e3779b97f4a7c15 + 0x632be59bd9b4e019)
  store<u32>(STATE_HASH_MASK, hashMask)
  snapshots.create()
  return OK
}

/** A block for the host's own use, or 0 when there is no room. It may use what puts must leave. */
export function allocate(bytes: u32): usize {
  return arena.reserve(bytes) == OK ? arena.allocate(bytes) : 0
}

/** Gives such a block back. */
export function release(block: usize): void {
  arena.free(block)
}

// ── the trie ──

/** Writes a value into the open edit. `scratch`: 128 bytes. */
export function put(
  key: usize,
  keyBytes: u32,
  value: usize,
  valueBytes: u32,
  revision: f64,
  scratch: usize,
): i32 {
  const write = prepare(key, keyBytes, revision, scratch)
  write.value = value
  write.valueBytes = valueBytes
  write.tombstone = 0
  return writePut(write, scratch + 64)
}

/** Writes a tombstone into the open edit. `scratch`: 128 bytes. */
export function remove(key: usize, keyBytes: u32, revision: f64, scratch: usize): i32 {
  const write = prepare(key, keyBytes, revision, scratch)
  write.value = 0
  write.valueBytes = 0
  write.tombstone = 1
  return writeDelete(write, scratch + 64)
}

function prepare(key: usize, keyBytes: u32, revision: f64, scratch: usize): Write {
  const write = changetype<Write>(scratch)
  write.key = key
  write.keyBytes = keyBytes
  write.revision = revision
  write.hash = placeOf(key, keyBytes)
  write.birth = 0
  return write
}

/**
 * Writes so many updates, UPDATES_MAX at most, in order. `mode`: WRITE or LISTED. `FULL` leaves out
 * the one that found no room, and those after it. `scratch`: 128 bytes.
 */
export function write(updates: usize, count: u32, mode: i32, scratch: usize): i32 {
  return writeAll(updates, count, mode, scratch)
}

/** The live leaf of a key beneath a root, or 0. */
export function find(root: usize, key: usize, keyBytes: u32): usize {
  return changetype<usize>(findLive(changetype<Node>(root), key, keyBytes))
}

/** The live leaf of a key in the open edit, or 0. */
export function findOpen(key: usize, keyBytes: u32): usize {
  return changetype<usize>(findLive(load<Node>(STATE_ROOT), key, keyBytes))
}

/** Ends the open edit. The record is held for the caller; 0 when there is no room for it. */
export function commit(reach: f64, complete: i32): usize {
  return changetype<usize>(snapshots.commit(reach, complete != 0))
}

/** Drops the open edit. */
export function abort(): void {
  snapshots.abort()
}

/** Adds a holder to a record. */
export function retainRecord(record: usize): void {
  snapshots.retain(changetype<snapshots.Record>(record))
}

/** Drops a holder of a record. */
export function releaseRecord(record: usize): void {
  snapshots.release(changetype<snapshots.Record>(record))
}

/** Frees what released records held, looking at so many blocks at most. 1 when none is left. */
export function reclaim(blocksMax: u32): i32 {
  return snapshots.reclaim(blocksMax) ? 1 : 0
}

/** Moves the horizon and takes out tombstones: `tombstones.ts`. `scratch`: 128 bytes. */
export function sweep(horizon: f64, bytesMax: f64, entriesMax: u32, scratch: usize): i32 {
  return tombstones.sweep(<u64>horizon, bytesMax, entriesMax, scratch, scratch + 64)
}

/** The oldest version whose changes a walk can still find. */
export function horizon(): f64 {
  return <f64>load<u64>(STATE_HORIZON)
}

/** Begins a resync by list. */
export function beginResync(): void {
  resync.begin()
}

/** Ends it, and forgets what was seen. */
export function endResync(): void {
  resync.end()
}

/** Deletes what was not seen. `request`: a walk request, for the place. `scratch`: 128 bytes. */
export function sweepUnseen(request: usize, revision: f64, visitsMax: u32, scratch: usize): i32 {
  const write = changetype<Write>(scratch)
  write.birth = 0
  return resync.sweepUnseen(request, revision, visitsMax, write, scratch + 64)
}

/** Walks one slice of a trie: `walk.ts`. */
export function walk(request: usize): void {
  walkSlice(request)
}

/** Compares one slice of two tries: `diff.ts`. */
export function diff(request: usize): void {
  diffSlice(request)
}

/** Begins to load an image into an engine that nothing was written to: `image.ts`. */
export function beginImage(version: f64, horizon: f64): void {
  image.begin(<u64>version, <u64>horizon)
}

/** Takes leaves of an image in. `scratch`: 128 bytes. */
export function restore(from: usize, bytes: u32, scratch: usize): i32 {
  return image.restore(from, bytes, changetype<Write>(scratch), scratch + 64)
}

/** Takes the tombstones of an image into the queue: u32 hash, u32 unused, u64 birth, by birth. */
export function restoreQueue(from: usize, entries: u32): i32 {
  return image.restoreQueue(from, entries)
}

/** Ends the loading of leaves, before the commit. */
export function endImage(): void {
  image.retime()
}

/** Asserts every invariant of a committed version. Debug build only. `scratch`: 64 bytes. */
export function verify(record: usize, scratch: usize): void {
  verifyRecord(changetype<snapshots.Record>(record), scratch)
}

/** The newest record. */
export function current(): usize {
  return load<usize>(STATE_CURRENT)
}

// ── buffers ──

/** A new buffer, or 0 when there is no room. */
export function createBuffer(): usize {
  return arena.reserve(64) == OK ? changetype<usize>(buffers.create()) : 0
}

/** Drops a buffer. */
export function destroyBuffer(buffer: usize): void {
  buffers.destroy(changetype<buffers.Buffer>(buffer))
}

/** Appends an item whose payload the caller fills at once; 0 when there is no room. */
export function append(buffer: usize, kind: u32, length: u32, version: f64, revision: f64): usize {
  if (arena.reserveForPut(ITEM_HEADER_BYTES + length) != OK) return 0
  const target = changetype<buffers.Buffer>(buffer)
  return changetype<usize>(buffers.append(target, kind, length, version, revision))
}

/** Links an item of another buffer after the head of this one. */
export function appendItem(buffer: usize, item: usize): void {
  buffers.appendItem(changetype<buffers.Buffer>(buffer), changetype<items.Item>(item))
}

/** The head of a buffer, held for the caller. */
export function head(buffer: usize): usize {
  return changetype<usize>(items.retain(changetype<buffers.Buffer>(buffer).head))
}

/**
 * Moves the caller's hold from an item to the item after it, and answers that; 0 when there is none
 * yet, and then nothing has changed.
 */
export function advance(item: usize): usize {
  const next = changetype<items.Item>(item).next
  if (changetype<usize>(next) == 0) return 0
  items.retain(next)
  items.release(changetype<items.Item>(item), u32.MAX_VALUE)
  return changetype<usize>(next)
}

/** Adds a holder to an item. */
export function retainItem(item: usize): void {
  items.retain(changetype<items.Item>(item))
}

/** Drops a holder of an item, freeing so many at most; answers what is left to release, or 0. */
export function releaseItem(item: usize, itemsMax: u32): usize {
  return changetype<usize>(items.release(changetype<items.Item>(item), itemsMax))
}
