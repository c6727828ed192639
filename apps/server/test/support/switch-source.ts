import {
  type ListPage,
  type ListRequest,
  type Revision,
  type Source,
  SourceError,
  Waiters,
  type WatchEvent,
} from "@headwater/core"

/**
 * Passes on what another source says, until a test mistreats it: it can be unreachable, hold back
 * what it hears, and be replaced by another one.
 */
export class SwitchSource implements Source {
  readonly name = "switch:"
  #behind: Source
  #isDown = false
  #isHolding = false
  readonly #changed = new Waiters()

  constructor(behind: Source) {
    this.#behind = behind
  }

  /** From now on it answers nothing but errors, or again. */
  set down(isDown: boolean) {
    this.#isDown = isDown
    this.#changed.wake()
  }

  /** From now on watches and lists say nothing, or go on. */
  set holding(isHolding: boolean) {
    this.#isHolding = isHolding
    this.#changed.wake()
  }

  /** Another source stands at the same address. */
  replace(behind: Source): void {
    this.#behind = behind
    this.#changed.wake()
  }

  async identity(signal: AbortSignal): Promise<string> {
    this.#check()
    return this.#behind.identity(signal)
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    this.#check()
    return this.#behind.revision(signal)
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    this.#check()
    while (this.#isHolding) await this.#changed.wait(signal)
    yield* this.#behind.list(request, signal)
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#check()
    const behind = this.#behind
    const left = new AbortController()
    const events = behind
      .watch(from, AbortSignal.any([signal, left.signal]))
      [Symbol.asyncIterator]()
    try {
      let next = events.next()
      next.catch(() => {})
      for (;;) {
        const changed = this.#changed.wait(signal)
        changed.catch(() => {})
        const heard = await Promise.race([next, changed])
        if (this.#isDown || behind !== this.#behind) {
          yield { type: "lost", reason: behind === this.#behind ? "closed" : "replaced" }
          return
        }
        if (!heard) continue
        while (this.#isHolding) await this.#changed.wait(signal)
        if (this.#isDown || behind !== this.#behind) continue
        if (heard.done) return
        yield heard.value
        next = events.next()
        next.catch(() => {})
      }
    } finally {
      left.abort()
    }
  }

  async close(): Promise<void> {
    await this.#behind.close()
  }

  #check(): void {
    if (this.#isDown) throw new SourceError("it is down")
  }
}
