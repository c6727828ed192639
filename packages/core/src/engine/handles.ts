/** A handle that was not disposed of before the garbage collector found it. */
export interface Leak {
  /** The name of the handle: `snapshot of version 7`. */
  readonly handle: string
  /** The stack of the call that made it. */
  readonly born: string
}

interface WatchedHandle extends Leak {
  readonly onLeak: (leak: Leak) => void
}

// In module scope, or it could be collected before the handles that it watches.
const registry = new FinalizationRegistry<WatchedHandle>(({ onLeak, handle, born }) => {
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

  /** Stops watching a handle: it was disposed of. */
  forget(handle: object): void {
    registry.unregister(handle)
  }
}
