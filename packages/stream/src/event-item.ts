import type { Revision } from "@headwater/core"
import type { Cursor } from "@headwater/core/engine"

/** An item as a cursor reads it. Readers may share it, so they do not change the payload. */
export interface EventItem {
  /** Consecutive in its buffer, from 1; 0 for an item that belongs to a snapshot. */
  readonly sequence: number
  readonly version: number
  readonly revision: Revision
  readonly kind: "events" | "error" | "empty"
  readonly payload: Uint8Array
}

/** A place in the sequence of all items that were appended to a buffer. */
export interface BufferMark {
  readonly sequence: number
  /** Bytes of payload up to here. */
  readonly bytes: number
  /** `elapsed` ms. */
  readonly time: number
}

// Before each payload stand its mark's sequence, bytes and time.
const MARK_BYTES = 24

/** A mark as the numbers that stand before a payload. */
export function numbersOf({ sequence, bytes, time }: BufferMark): readonly number[] {
  return [sequence, bytes, time]
}

/** Sequence of the item that a cursor stands on; 0 on a sentinel, and within a snapshot. */
export function sequenceAt(cursor: Cursor): number {
  return cursor.payloadBytes < MARK_BYTES ? 0 : cursor.number(0)
}

/** BufferMark of the item that a cursor stands on, which is not a sentinel. */
export function markAt(cursor: Cursor): BufferMark {
  return { sequence: cursor.number(0), bytes: cursor.number(1), time: cursor.number(2) }
}

/** The item that a cursor stands on, which is not a sentinel. Copies its payload out. */
export function itemAt(cursor: Cursor): EventItem {
  const sequence = cursor.number(0)
  const { kind, version, revision, payload } = cursor.item()
  return { sequence, version, revision, kind, payload: payload.subarray(MARK_BYTES) }
}
