import type { Clock } from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import { encodeDeltaFrame, encodeSnapshotFrame, type ValueKind } from "@headwater/protocol"
import { FRAME_OVERHEAD_BYTES, type HubLimits } from "../limits.ts"
import type { Root } from "./root.ts"
import type { View } from "./view.ts"

/** A slice of a walk to be told to a reader. Readers who ask for the same get the same bytes. */
export interface Slice {
  readonly view: View
  readonly root: Root
  readonly since: number
  readonly began: number
  readonly after?: Place | undefined
  /** The revision that a delta names. */
  readonly revision: number
  /** The id that a delta gets if the walk ends with it, at the version that it began with. */
  readonly id?: string | undefined
}

/** A slice, read. Without bytes where nothing in it passes the view. */
export interface Frame {
  readonly bytes: Uint8Array | undefined
  readonly ended: boolean
  readonly place: Place
}

interface Kept extends Frame {
  readonly since: number
}

/**
 * Encodes once: frames of snapshots and deltas, by what they are made of, for all of a topic.
 *
 * What a reader gets next is a function of its place and of the root that is walked; so readers at
 * one place share one `Uint8Array`. Kept for `frameCacheMs` and within `frameCacheBytesMax`, oldest
 * out first; what was dropped is encoded again for whoever still needs it.
 */
export class Frames {
  readonly #clock: Clock
  readonly #limits: HubLimits
  readonly #kept = new Map<string, Kept>()
  #bytes = 0
  #encoded = 0
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Frames encoded since the start: what the work was, however many readers it served. */
  get encoded(): number {
    return this.#encoded
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes
  }

  /** The frame, where somebody has asked for it before. Cost: one look-up. */
  kept(slice: Slice): Frame | undefined {
    return this.#kept.get(keyOf(slice))
  }

  /** The frame; walked and encoded unless it is kept. Cost: `visitsMax` nodes and leaves. */
  make(slice: Slice, values: ValueKind): Frame {
    const key = keyOf(slice)
    const kept = this.#kept.get(key)
    if (kept !== undefined) return kept
    const { root, view, since, began, after, revision, id } = slice
    const { body, entries, ended, place } = root.snapshot.walk({
      since,
      values,
      bytesMax: this.#limits.frameBytesMax - FRAME_OVERHEAD_BYTES,
      visitsMax: this.#limits.visitsMax,
      ...(after && { after }),
      ...(view.filter && { filter: view.filter }),
    })
    let bytes: Uint8Array | undefined
    if (entries > 0) {
      const isLast = ended && began === root.version
      bytes =
        since === 0
          ? encodeSnapshotFrame(body)
          : encodeDeltaFrame(body, revision, isLast ? id : undefined)
      this.#encoded++
    }
    const frame = { bytes, ended, place, since: this.#clock.elapsed() }
    this.#keep(key, frame)
    return frame
  }

  /** A framing event that many readers get, such as a `sync`, encoded once. */
  share(key: string, encode: () => Uint8Array): Uint8Array {
    const kept = this.#kept.get(key)
    if (kept?.bytes !== undefined) return kept.bytes
    const bytes = encode()
    this.#keep(key, { bytes, ended: true, place: NO_PLACE, since: this.#clock.elapsed() })
    return bytes
  }

  /** Forgets everything kept: no later root has frames in common with it. */
  clear(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#kept.clear()
    this.#bytes = 0
  }

  #keep(key: string, frame: Kept): void {
    this.#kept.set(key, frame)
    this.#bytes += sizeOf(frame)
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= this.#limits.frameCacheBytesMax || oldest === key) break
      this.#drop(oldest, old)
    }
    this.#cancelTimer ??= this.#clock.after(this.#limits.frameCacheMs, () => this.#sweep())
  }

  #sweep(): void {
    const until = this.#clock.elapsed() - this.#limits.frameCacheMs
    for (const [key, frame] of this.#kept) {
      if (frame.since > until) break
      this.#drop(key, frame)
    }
    this.#cancelTimer =
      this.#kept.size === 0
        ? undefined
        : this.#clock.after(this.#limits.frameCacheMs / 4, () => this.#sweep())
  }

  #drop(key: string, frame: Kept): void {
    this.#kept.delete(key)
    this.#bytes -= sizeOf(frame)
  }
}

const NO_PLACE: Place = { hash: 0, skip: 0, version: 0, started: false }

// A frame without bytes still costs its key and a row.
function sizeOf(frame: Frame): number {
  return (frame.bytes?.byteLength ?? 0) + 256
}

// Everything that the bytes depend on. The version says which commit is read; `began` whether the
// walk may end with an id.
function keyOf({ view, root, since, began, after, revision, id }: Slice): string {
  const place = after ? `${after.hash},${after.skip},${after.version},${after.started}` : ""
  return `${view.number}|${since}|${began}|${root.version}|${place}|${revision}|${id ?? ""}`
}
