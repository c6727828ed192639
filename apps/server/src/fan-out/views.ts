import type { Life } from "@headwater/cache"
import type { ValueKind, ViewFilter } from "@headwater/protocol"
import { TooManyError } from "../errors.ts"
import { View, type ViewHost } from "./view.ts"

interface Held {
  readonly view: View
  holders: number
  idleSince: number
}

/**
 * The views of one life of a topic. Readers who ask for the same share one.
 *
 * A view that nobody uses stays for as long as frames are kept, so that a reader that comes back at
 * once finds it; the table is bounded, and gives way to whoever is there.
 */
export class Views {
  readonly life: Life
  readonly #host: ViewHost
  readonly #held = new Map<string, Held>()
  readonly #byView = new WeakMap<View, Held>()
  #numbers = 0
  #newest = 0
  #cancelTimer: (() => void) | undefined

  constructor(life: Life, host: ViewHost) {
    this.life = life
    this.#host = host
  }

  /** Views in the table, used or idle. */
  get size(): number {
    return this.#held.size
  }

  /**
   * The view for a request. Give it back with `release`.
   *
   * @throws {TooManyError} when `viewsMax` others are in use.
   */
  retain(spec: ViewFilter & { readonly values: ValueKind }): View {
    const key = keyOf(spec)
    let held = this.#held.get(key)
    if (held === undefined) {
      if (this.#held.size >= this.#host.limits.viewsMax) this.#dropIdle(0)
      if (this.#held.size >= this.#host.limits.viewsMax) {
        throw new TooManyError(`more than ${this.#host.limits.viewsMax} views of one topic`)
      }
      const view = new View(++this.#numbers, spec, this.life, this.#host)
      held = { view, holders: 0, idleSince: 0 }
      this.#held.set(key, held)
      this.#byView.set(view, held)
      this.#cancelTimer ??= this.#host.clock.after(this.#host.limits.frameCacheMs, () =>
        this.#sweep(),
      )
    }
    held.holders++
    return held.view
  }

  /** Notes which version is served now. */
  advance(version: number): void {
    this.#newest = version
  }

  /** Gives a view back. */
  release(view: View): void {
    const held = this.#byView.get(view)
    if (held === undefined) return
    held.holders--
    held.idleSince = this.#host.clock.elapsed()
  }

  /** Disposes of all: the life is over, or the topic is. */
  close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    for (const { view } of this.#held.values()) view.dispose()
    this.#held.clear()
  }

  #sweep(): void {
    const { clock, limits } = this.#host
    this.#dropIdle(limits.frameCacheMs)
    for (const { view } of this.#held.values()) view.expire(this.#newest)
    this.#cancelTimer =
      this.#held.size === 0 ? undefined : clock.after(limits.frameCacheMs, () => this.#sweep())
  }

  #dropIdle(idleMs: number): void {
    const until = this.#host.clock.elapsed() - idleMs
    for (const [key, { view, holders, idleSince }] of this.#held) {
      if (holders > 0 || idleSince > until) continue
      view.dispose()
      this.#held.delete(key)
    }
  }
}

/** The same for requests that want the same, and different for any others. */
function keyOf({ prefixes, keys, values }: ViewFilter & { readonly values: ValueKind }): string {
  if (prefixes.includes("")) return JSON.stringify([values])
  return JSON.stringify([values, [...new Set(prefixes)].sort(), [...new Set(keys)].sort()])
}
