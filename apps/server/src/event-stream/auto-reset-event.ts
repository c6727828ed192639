/** An auto-reset event with one waiter. Rings coalesce. */
export class AutoResetEvent {
  #rang = false
  #wake: (() => void) | undefined

  /** Wakes the waiter, or lets the next `wait` return at once. */
  ring(): void {
    this.#rang = true
    this.#wake?.()
  }

  /** Resolves once the event has rung since the last wait. */
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
