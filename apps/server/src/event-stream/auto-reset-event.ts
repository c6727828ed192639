/**
 * What one waits for who does one thing at a time: anybody may ring, any number of times; the next
 * `wait` returns at once if it rang since the last one. Holds no queue and registers nothing.
 */
export class AutoResetEvent {
  #rang = false
  #wake: (() => void) | undefined

  /** Wakes the one who waits, or whoever waits next. */
  ring(): void {
    this.#rang = true
    this.#wake?.()
  }

  /** Resolves once it has rung since the last wait. */
  async wait(): Promise<void> {
    if (!this.#rang) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
    this.#rang = false
  }
}
