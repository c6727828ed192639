import type { Revision } from "@headwater/core"
import type { Item } from "@headwater/core/engine"

/** An item as a cursor reads it. */
export interface EventItem {
  /** Consecutive in its buffer, from 1; 0 for an item that belongs to a snapshot. */
  readonly sequence: number
  readonly version: number
  readonly revision: Revision
  readonly kind: "events" | "error" | "empty"
  readonly payload: Uint8Array
}

/** A place among the items that were ever appended to a buffer. */
export interface Mark {
  readonly sequence: number
  /** Bytes of payload up to here. */
  readonly bytes: number
  /** `elapsed` ms. */
  readonly time: number
}

// Before each payload stand its mark's sequence, bytes and time, as three little-endian f64.
const SEAL_BYTES = 24

/** The payload with its mark before it. */
export function sealItem(mark: Mark, payload: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(SEAL_BYTES + payload.byteLength)
  const view = new DataView(sealed.buffer)
  view.setFloat64(0, mark.sequence, true)
  view.setFloat64(8, mark.bytes, true)
  view.setFloat64(16, mark.time, true)
  sealed.set(payload, SEAL_BYTES)
  return sealed
}

/** The mark and the item apart again. A sentinel has neither. */
export function openItem(item: Item): { readonly mark: Mark; readonly item: EventItem } {
  const { version, revision, kind, payload: sealed } = item
  if (sealed.byteLength < SEAL_BYTES) {
    const mark = { sequence: 0, bytes: 0, time: 0 }
    return { mark, item: { sequence: 0, version, revision, kind, payload: sealed } }
  }
  const view = new DataView(sealed.buffer, sealed.byteOffset, SEAL_BYTES)
  const mark = {
    sequence: view.getFloat64(0, true),
    bytes: view.getFloat64(8, true),
    time: view.getFloat64(16, true),
  }
  const payload = sealed.subarray(SEAL_BYTES)
  return { mark, item: { sequence: mark.sequence, version, revision, kind, payload } }
}
