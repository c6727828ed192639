import type { Clock } from "@headwater/core"
import type { HubLimits } from "../limits.ts"

/** Interval at which the frames that walking readers took are counted while others wait, in ms. */
const LOOK_MS = 2_000

/**
 * Frames of 64 KiB in that time below which a reader is slow: one mebibyte a second. So readers on
 * slow connections keep no other waiting while the hub's own connection is far from full.
 */
const SLOW_FRAMES = 32

/**
 * Limits how many readers are in long walks at a time, first come, first served.
 *
 * Bytes written to a reader fill its socket before they are read: a megabyte or so, in the kernel.
 * A thousand readers that join at once would take all memory that the kernel has for sockets; then
 * it drops what arrives and tries again after seconds. So some readers walk to the end while the
 * others wait.
 *
 * A slow reader gives up its permit but walks on, so it blocks no other.
 *
 * Decision: docs/decisions/server.md, “Long walks run a few at a time”.
 */
export class WalkLimiter {
  readonly #clock: Clock
  readonly #limits: HubLimits
  readonly #walking = new Set<WalkPermit>()
  readonly #waiting = new Set<WalkPermit>()
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Readers that hold a permit: all that walk but the slow ones. */
  get walking(): number {
    return this.#walking.size
  }

  /** Readers that wait for a permit. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Queues for a permit. Call `leave` on it. */
  enter(): WalkPermit {
    const pass: WalkPermit = new WalkPermit(() => {
      if (!this.#walking.delete(pass)) this.#waiting.delete(pass)
      this.#admit()
    })
    this.#waiting.add(pass)
    this.#admit()
    return pass
  }

  #admit(): void {
    for (const pass of this.#waiting) {
      if (this.#walking.size >= this.#limits.walkersMax) break
      this.#waiting.delete(pass)
      this.#walking.add(pass)
      pass.grant()
    }
    if (this.#waiting.size > 0) this.#cancelTimer ??= this.#begin()
    else if (this.#cancelTimer !== undefined) this.#end()
  }

  #begin(): () => void {
    for (const pass of this.#walking) pass.look()
    return this.#clock.after(LOOK_MS, () => this.#look())
  }

  #look(): void {
    for (const pass of this.#walking) if (pass.look() < SLOW_FRAMES) this.#walking.delete(pass)
    this.#cancelTimer = this.#clock.after(LOOK_MS, () => this.#look())
    this.#admit()
  }

  #end(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

/** One reader's permit to walk, or its place in the queue for one. */
export class WalkPermit {
  /** Resolves when the reader may walk. */
  readonly granted: Promise<void>
  // A reader that has just begun is not slow.
  #frames = SLOW_FRAMES
  #isGranted = false
  #grant = () => {}
  readonly #onLeave: () => void

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave
    this.granted = new Promise((resolve) => {
      this.#grant = resolve
    })
  }

  /** True once the reader may walk. */
  get isGranted(): boolean {
    return this.#isGranted
  }

  /** Lets the reader walk. */
  grant(): void {
    this.#isGranted = true
    this.#grant()
  }

  /** Notes that the reader has taken a frame. */
  take(): void {
    this.#frames++
  }

  /** Returns the frames that the reader has taken since the last look. */
  look(): number {
    const frames = this.#frames
    this.#frames = 0
    return frames
  }

  /** Hands the permit to the next reader. Calling it again does nothing. */
  leave(): void {
    this.#onLeave()
  }
}
