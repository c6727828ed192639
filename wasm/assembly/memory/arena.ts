// The arena: where every block lives.
//
// Memory is pages of 64 KiB. A page belongs to one size class, or is part of a run of pages that
// holds one large block, or is free. A page whose last block is freed goes back to all classes, so
// values that change size do not leave their old sizes behind. What a page is stands in its
// descriptor, in a table of its own: a descriptor inside its page would share cache sets with all
// others.
//
//   page table, 32 bytes a page
//   offset  size  field  type  meaning
//   +0      4     kind   u32   0 free; class + 1; RUN: first page of a run; RUN_TAIL: its others
//   +4      4     used   u32   blocks in use
//   +8      4     free   u32   newest freed block, each of which holds the next
//   +12     4     bump   u32   first byte that was never used
//   +16     4     prev   u32   pages of this class that have room, as a ring-less list
//   +20     4     next   u32
//   +24     4     bytes  u32   bytes of a block; of a run, bytes of all its pages
//   +28     4     marks  u32   512 bytes, a bit per 16 bytes of page: seen in this resync; or 0
//
// Invariants: a page is in its class's list exactly when it has room · `bytesLive` is the sum of
// the blocks in use · pages are taken only by `reserve`d callers, so an allocation never fails.
//
// Linear memory cannot shrink; pages are reused for ever. Source: slabs as in mimalloc.
//
// Decision: docs/decisions/core.md, “Each page of the arena holds blocks of one size class”.

import {
  FULL,
  OK,
  PAGE_BYTES,
  PAGE_TABLE,
  STATE_BYTES_LIVE,
  STATE_PAGE_END,
  STATE_PAGE_FIRST,
  STATE_PAGE_HINT,
  STATE_PAGES_FREE,
  STATE_PAGES_MAX,
  STATE_PARTIAL,
} from "../layout"
import { CLASS_BYTES_MAX, CLASSES, classBytes, classOf } from "./class"

/** Bytes of a row of the page table. */
export const PAGE_DESCRIPTOR_BYTES: u32 = 32

const RUN: u32 = 254
const RUN_TAIL: u32 = 255

/**
 * A leaf, 8 nodes, a dead-list chunk, a queue chunk, marks; and for the commit, a record and a
 * chunk.
 */
const RESERVE_PAGES: u32 = 14

@unmanaged
export class Page {
  kind: u32
  used: u32
  free: u32
  bump: u32
  prev: u32
  next: u32
  bytes: u32
  marks: u32
}

/** Descriptor of the page that an address is in. */
export function pageOf(address: usize): Page {
  return changetype<Page>(PAGE_TABLE + ((<u32>address >> 16) << 5))
}

function pageAt(index: u32): Page {
  return changetype<Page>(PAGE_TABLE + (index << 5))
}

/** Lays out a zeroed memory. `FULL` when it may not even hold the page table and a few pages. */
export function create(pagesMax: u32): i32 {
  const first: u32 = 1 + ((pagesMax * PAGE_DESCRIPTOR_BYTES + PAGE_BYTES - 1) >> 16)
  store<u32>(STATE_PAGES_MAX, pagesMax)
  store<u32>(STATE_PAGE_FIRST, first)
  store<u32>(STATE_PAGE_HINT, first)
  const had = <u32>memory.size()
  if (had <= first) {
    if (first >= pagesMax || memory.grow(first + 1 - had) < 0) return FULL
  }
  // The last page is never used, so a read of a few words past a block stays inside memory.
  store<u32>(STATE_PAGE_END, <u32>memory.size() - 1)
  store<u32>(STATE_PAGES_FREE, <u32>memory.size() - 1 - first)
  return reserve(0)
}

/**
 * Makes room for a put. It leaves a 64th of the memory, and 8 pages at least, to those that only
 * `reserve`: deletes, sweeps and walks, without which a full engine could never become empty again.
 */
export function reserveForPut(bytes: u32): i32 {
  const own: u32 = bytes <= CLASS_BYTES_MAX ? 0 : (bytes + PAGE_BYTES - 1) >> 16
  return isLow(own) ? FULL : reserve(bytes)
}

/** True when, after `pages` more, only pages are left that puts may not use. */
function isLow(pages: u32): bool {
  const pagesMax = load<u32>(STATE_PAGES_MAX)
  const left = pagesMax - 1 - load<u32>(STATE_PAGE_END) + load<u32>(STATE_PAGES_FREE)
  return left < pages + RESERVE_PAGES + max<u32>(8, pagesMax >> 6)
}

/**
 * Makes room for one write with a block of this size, growing memory if need be. After `OK` the
 * allocations of that write cannot fail; after `FULL` nothing has changed.
 */
export function reserve(bytes: u32): i32 {
  if (bytes <= CLASS_BYTES_MAX) {
    if (load<u32>(STATE_PAGES_FREE) >= RESERVE_PAGES) return OK
    return grow(RESERVE_PAGES - load<u32>(STATE_PAGES_FREE))
  }
  const pages = (bytes + PAGE_BYTES - 1) >> 16
  const free = load<u32>(STATE_PAGES_FREE)
  if (free < RESERVE_PAGES + pages) {
    const status = grow(RESERVE_PAGES + pages - free)
    if (status != OK) return status
  }
  return findRun(pages) != 0 ? OK : grow(pages)
}

/**
 * Grows by at least so many pages; by a quarter if allowed. Each growth makes views anew, and V8
 * takes the new one for so many bytes that were just allocated, and marks its whole heap. What is
 * not used yet is not resident.
 */
function grow(pages: u32): i32 {
  const end = load<u32>(STATE_PAGE_END)
  const room = load<u32>(STATE_PAGES_MAX) - 1 - end
  if (pages > room) return FULL
  let more = max(pages, end >> 2)
  if (more > room) more = room
  if (memory.grow(more) < 0) {
    more = pages
    if (memory.grow(more) < 0) return FULL
  }
  store<u32>(STATE_PAGE_END, end + more)
  store<u32>(STATE_PAGES_FREE, load<u32>(STATE_PAGES_FREE) + more)
  return OK
}

/** A block of at least so many bytes, aligned to 16. Contents are what was there before. */
export function allocate(bytes: u32): usize {
  if (bytes > CLASS_BYTES_MAX) return allocateRun((bytes + PAGE_BYTES - 1) >> 16)
  const cls = classOf(bytes)
  let index = load<u32>(STATE_PARTIAL + (cls << 2))
  if (index == 0) index = findPage(cls)
  const page = pageAt(index)
  let block = page.free
  if (block != 0) {
    page.free = load<u32>(block)
  } else {
    block = page.bump
    page.bump = block + page.bytes
  }
  page.used += 1
  if (page.free == 0 && !hasUnused(page, index))
    unlink(page, STATE_PARTIAL + ((page.kind - 1) << 2))
  store<f64>(STATE_BYTES_LIVE, load<f64>(STATE_BYTES_LIVE) + <f64>page.bytes)
  return block
}

/** Gives a block back. */
export function free(block: usize): void {
  const index = <u32>block >> 16
  const page = pageAt(index)
  assert(page.kind != 0 && page.kind != RUN_TAIL && page.used > 0)
  store<f64>(STATE_BYTES_LIVE, load<f64>(STATE_BYTES_LIVE) - <f64>page.bytes)
  if (page.kind == RUN) {
    freeRun(index, page)
    return
  }
  assert((<u32>block & 0xffff) % page.bytes == 0)
  if (!ASC_NO_ASSERT) memory.fill(block, 0xdd, page.bytes)
  const list = STATE_PARTIAL + ((page.kind - 1) << 2)
  const wasFull = page.free == 0 && !hasUnused(page, index)
  store<u32>(block, page.free)
  page.free = <u32>block
  page.used -= 1
  if (wasFull) link(page, index, list)
  if (page.used == 0 && (page.prev != 0 || page.next != 0)) closePage(page, index, list)
}

/** True when this block was marked in the resync that runs. */
export function isMarked(block: usize): bool {
  const marks = pageOf(block).marks
  if (marks == 0) return false
  const bit = (<u32>block & 0xffff) >> 4
  return ((<u32>load<u8>(marks + (bit >> 3)) >> (bit & 7)) & 1) != 0
}

/** Marks a block. The caller has reserved room. */
export function mark(block: usize): void {
  const page = pageOf(block)
  if (page.marks == 0) {
    const marks = allocate(512)
    memory.fill(marks, 0, 512)
    page.marks = <u32>marks
  }
  const bit = (<u32>block & 0xffff) >> 4
  const at = page.marks + (bit >> 3)
  store<u8>(at, load<u8>(at) | <u8>(1 << (<u8>(bit & 7))))
}

/** Forgets all marks. Cost: one look at each page. */
export function clearMarks(): void {
  const end = load<u32>(STATE_PAGE_END)
  for (let index = load<u32>(STATE_PAGE_FIRST); index < end; index++) {
    const page = pageAt(index)
    const marks = page.marks
    if (marks != 0) {
      page.marks = 0
      free(marks)
    }
  }
}

function hasUnused(page: Page, index: u32): bool {
  return page.bump + page.bytes <= (index + 1) << 16
}

/**
 * A page with room for a block of a class that has none. When memory runs low, a larger class's is
 * taken before a new one: tombstones are smaller than the leaves they replace, whose pages they
 * could else not use until the last leaf of a page is gone.
 */
function findPage(cls: u32): u32 {
  if (!isLow(0)) return openPage(cls)
  for (let larger = cls + 1; larger < CLASSES; larger++) {
    const index = load<u32>(STATE_PARTIAL + (larger << 2))
    if (index != 0) return index
  }
  return openPage(cls)
}

function openPage(cls: u32): u32 {
  const index = findRun(1)
  assert(index != 0)
  store<u32>(STATE_PAGE_HINT, index + 1)
  store<u32>(STATE_PAGES_FREE, load<u32>(STATE_PAGES_FREE) - 1)
  const page = pageAt(index)
  page.kind = cls + 1
  page.used = 0
  page.free = 0
  page.bump = index << 16
  page.bytes = classBytes(cls)
  link(page, index, STATE_PARTIAL + (cls << 2))
  return index
}

function closePage(page: Page, index: u32, list: u32): void {
  unlink(page, list)
  const marks = page.marks
  page.marks = 0
  page.kind = 0
  store<u32>(STATE_PAGES_FREE, load<u32>(STATE_PAGES_FREE) + 1)
  if (index < load<u32>(STATE_PAGE_HINT)) store<u32>(STATE_PAGE_HINT, index)
  if (marks != 0) free(marks)
}

function link(page: Page, index: u32, list: u32): void {
  const first = load<u32>(list)
  page.prev = 0
  page.next = first
  if (first != 0) pageAt(first).prev = index
  store<u32>(list, index)
}

function unlink(page: Page, list: u32): void {
  if (page.prev != 0) pageAt(page.prev).next = page.next
  else store<u32>(list, page.next)
  if (page.next != 0) pageAt(page.next).prev = page.prev
  page.prev = 0
  page.next = 0
}

/** First of so many free pages in a row, or 0. Starts at the hint: nothing below it is free. */
function findRun(pages: u32): u32 {
  const end = load<u32>(STATE_PAGE_END)
  let length: u32 = 0
  for (let index = load<u32>(STATE_PAGE_HINT); index < end; index++) {
    length = pageAt(index).kind == 0 ? length + 1 : 0
    if (length == pages) return index + 1 - pages
  }
  return 0
}

function allocateRun(pages: u32): usize {
  const index = findRun(pages)
  assert(index != 0)
  store<u32>(STATE_PAGES_FREE, load<u32>(STATE_PAGES_FREE) - pages)
  for (let tail = index + 1; tail < index + pages; tail++) pageAt(tail).kind = RUN_TAIL
  const page = pageAt(index)
  page.kind = RUN
  page.used = 1
  page.bytes = pages << 16
  page.prev = 0
  page.next = 0
  store<f64>(STATE_BYTES_LIVE, load<f64>(STATE_BYTES_LIVE) + <f64>page.bytes)
  return index << 16
}

function freeRun(index: u32, page: Page): void {
  const pages = page.bytes >> 16
  const marks = page.marks
  page.marks = 0
  for (let each = index; each < index + pages; each++) pageAt(each).kind = 0
  store<u32>(STATE_PAGES_FREE, load<u32>(STATE_PAGES_FREE) + pages)
  if (index < load<u32>(STATE_PAGE_HINT)) store<u32>(STATE_PAGE_HINT, index)
  if (marks != 0) free(marks)
}
