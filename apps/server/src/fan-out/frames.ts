import type { PinnedSnapshot } from "@headwater/cache"
import type { Clock } from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import { encodeDeltaFrame, encodeSnapshotFrame, type ValueKind } from "@headwater/protocol"
import { FRAME_OVERHEAD_BYTES, type HubLimits } from "../limits.ts"
import type { HubObserver } from "../observe/hub-observer.ts"
import type { View } from "./view.ts"

/** A request for one slice of a walk. Equal requests get the same bytes. */
export interface FrameRequest {
  readonly view: View
  readonly pinned: PinnedSnapshot
  readonly since: number
  readonly began: number
  readonly after?: Place | undefined
  /** The revision that a delta names. */
  readonly revision: number
  /** The id that a delta gets if the walk ends with it, at the version that it began with. */
  readonly id?: string | undefined
}

/** The encoded slice. Without bytes where nothing in it passes the view. */
export interface WalkFrame {
  readonly bytes: Uint8Array | undefined
  readonly ended: boolean
  readonly place: Place
}

interface Kept extends WalkFrame {
  readonly since: number
}

/** The parts of a topic that its frames need. */
export interface FramesContext {
  readonly topic: string
  readonly clock: Clock
  readonly limits: HubLimits
  readonly observer: HubObserver
}

/**
 * Encodes each frame of a topic once: snapshots, deltas, and the framing events that many readers
 * get.
 *
 * The next frame of a reader depends on its place and on the snapshot that is walked, so readers at
 * one place share one `Uint8Array`. A frame is kept for `frameCacheMs`, all frames within
 * `frameCacheBytesMax`, the oldest dropped first; a dropped frame is encoded again on demand.
 *
 * Decision: docs/decisions/server.md, “The hub keeps encoded frames”.
 */
export class Frames {
  /** Frames that a reader was given and that were encoded for another one. */
  shared = 0
  readonly #topic: string
  readonly #clock: Clock
  readonly #limits: HubLimits
  readonly #observer: HubObserver
  readonly #kept = new Map<string, Kept>()
  #bytes = 0
  #encoded = 0
  #cancelTimer: (() => void) | undefined

  constructor({ topic, clock, limits, observer }: FramesContext) {
    this.#topic = topic
    this.#clock = clock
    this.#limits = limits
    this.#observer = observer
  }

  /** Frames encoded since the start, however many readers they served. */
  get encoded(): number {
    return this.#encoded
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes
  }

  /** Returns the frame if it is kept. Cost: one look-up. */
  kept(slice: FrameRequest): WalkFrame | undefined {
    return this.#kept.get(keyOf(slice))
  }

  /** Returns the frame, encoded now unless it is kept. Cost: `visitsMax` nodes and leaves. */
  make(slice: FrameRequest, values: ValueKind): WalkFrame {
    const key = keyOf(slice)
    const kept = this.#kept.get(key)
    if (kept !== undefined) {
      this.shared++
      return kept
    }
    const { pinned, view, since, began, after, revision, id } = slice
    const { body, entries, ended, place } = pinned.snapshot.walk({
      since,
      values,
      bytesMax: this.#limits.frameBytesMax - FRAME_OVERHEAD_BYTES,
      visitsMax: this.#limits.visitsMax,
      ...(after && { after }),
      ...(view.filter && { filter: view.filter }),
    })
    let bytes: Uint8Array | undefined
    if (entries > 0) {
      const isLast = ended && began === pinned.version
      bytes =
        since === 0
          ? encodeSnapshotFrame(body)
          : encodeDeltaFrame(body, revision, isLast ? id : undefined)
      this.#encoded++
      const kind = since === 0 ? "snapshot" : "delta"
      const topic = this.#topic
      this.#observer.onEncode?.({ topic, kind, entries, bytes: bytes.byteLength })
    }
    const frame = { bytes, ended, place, since: this.#clock.elapsed() }
    this.#keep(key, frame)
    return frame
  }

  /** Returns a framing event that many readers get, such as a `sync`, encoded once. */
  share(key: string, encode: () => Uint8Array): Uint8Array {
    const kept = this.#kept.get(key)
    if (kept?.bytes !== undefined) return kept.bytes
    const bytes = encode()
    this.#keep(key, { bytes, ended: true, place: NO_PLACE, since: this.#clock.elapsed() })
    return bytes
  }

  /** Drops all frames: no later epoch shares one. */
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
function sizeOf(frame: WalkFrame): number {
  return (frame.bytes?.byteLength ?? 0) + 256
}

// Everything that the bytes depend on: the version that is read, and `began`, which decides whether
// the walk may end with an id.
function keyOf({ view, pinned, since, began, after, revision, id }: FrameRequest): string {
  const place = after ? `${after.hash},${after.skip},${after.version},${after.started}` : ""
  return `${view.number}|${since}|${began}|${pinned.version}|${place}|${revision}|${id ?? ""}`
}
