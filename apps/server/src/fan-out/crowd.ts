import type { Clock } from "@headwater/core"
import type { HubLimits } from "../limits.ts"

/** How often it is looked what those who walk have taken, while anybody waits. */
const LOOK_MS = 2_000

/**
 * Frames of 64 KiB in that time below which a reader is slow: a mebibyte a second. So those on slow
 * lines do not stand in a queue while the hub's own line is far from full.
 */
const SLOW_FRAMES = 32

/**
 * Lets readers with long walks before them go a few at a time, first come, first served.
 *
 * What is written to a reader fills its socket before it is read: a megabyte or so, in the kernel.
 * A thousand who join at once would so take what the kernel has for all sockets together; then it
 * drops what arrives, and tries again after seconds. And each turn of the event loop it takes a
 * piece from every socket that has room. So some walk to the end while the others wait.
 *
 * Who is slow holds up nobody: its place is another's, though it walks on.
 */
export class Crowd {
  readonly #clock: Clock
  readonly #limits: HubLimits
  readonly #walking = new Set<Pass>()
  readonly #waiting = new Set<Pass>()
  #cancelTimer: (() => void) | undefined

  constructor(clock: Clock, limits: HubLimits) {
    this.#clock = clock
    this.#limits = limits
  }

  /** Readers who walk, apart from slow ones. */
  get walking(): number {
    return this.#walking.size
  }

  /** Readers who wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Joins it, at its end. Leave it. */
  enter(): Pass {
    const pass: Pass = new Pass(() => {
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

/** One reader's place in the crowd. */
export class Pass {
  /** Resolves when it may walk. */
  readonly granted: Promise<void>
  // Who has just begun is not slow.
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

  /** Whether it may walk. */
  get isGranted(): boolean {
    return this.#isGranted
  }

  /** Lets it walk. */
  grant(): void {
    this.#isGranted = true
    this.#grant()
  }

  /** The reader has taken a frame. */
  take(): void {
    this.#frames++
  }

  /** Frames that it has taken since the last look. */
  look(): number {
    const frames = this.#frames
    this.#frames = 0
    return frames
  }

  /** Gives the place to the next. Leaving twice is harmless. */
  leave(): void {
    this.#onLeave()
  }
}
