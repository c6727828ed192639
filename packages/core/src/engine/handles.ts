/** A handle that nobody disposed of, and that the garbage collector found. */
export interface Leak {
  /** What it was: `snapshot of version 7`. */
  readonly handle: string
  /** The stack of where it was made. */
  readonly born: string
}

interface Held extends Leak {
  readonly onLeak: (leak: Leak) => void
}

// In module scope, or it could be collected before the handles that it watches.
const registry = new FinalizationRegistry<Held>(({ onLeak, handle, born }) => {
  onLeak({ handle, born })
})

/**
 * Reports handles that were dropped instead of disposed of. Only a net: collectors run late or
 * never, so nothing is freed by it. Costs about 2 µs a handle, for its stack; so it is for
 * debugging.
 */
export class LeakNet {
  readonly #onLeak: (leak: Leak) => void

  constructor(onLeak: (leak: Leak) => void) {
    this.#onLeak = onLeak
  }

  /** Watches a handle from now on. */
  watch(handle: object, name: string): void {
    const born = new Error(name).stack ?? ""
    registry.register(handle, { handle: name, born, onLeak: this.#onLeak }, handle)
  }

  /** It was disposed of. */
  forget(handle: object): void {
    registry.unregister(handle)
  }
}
