import { assert } from "@headwater/core"
import type { StreamObserver } from "./observer.ts"

/**
 * An observer that cannot spoil what it observes: what it throws ends there, and while it runs,
 * `assertOutside` refuses. A method that it lacks is lacking here too.
 */
export class GuardedObserver {
  readonly tells: StreamObserver
  #inside = false

  constructor(observer: StreamObserver) {
    const { onPublish, onEncode, onWake, onSnapshot, onSnapshotShared } = observer
    const { onSubscribe, onClose, onLag } = observer
    this.tells = {
      ...(onPublish && { onPublish: this.#guard(observer, onPublish) }),
      ...(onEncode && { onEncode: this.#guard(observer, onEncode) }),
      ...(onWake && { onWake: this.#guard(observer, onWake) }),
      ...(onSnapshot && { onSnapshot: this.#guard(observer, onSnapshot) }),
      ...(onSnapshotShared && { onSnapshotShared: this.#guard(observer, onSnapshotShared) }),
      ...(onSubscribe && { onSubscribe: this.#guard(observer, onSubscribe) }),
      ...(onClose && { onClose: this.#guard(observer, onClose) }),
      ...(onLag && { onLag: this.#guard(observer, onLag) }),
    }
  }

  /** The publisher is in the middle of what the observer is told about. */
  assertOutside(): void {
    assert(!this.#inside, "an observer does not call the publisher that it observes")
  }

  #guard<Args extends unknown[]>(
    observer: StreamObserver,
    tell: (...args: Args) => void,
  ): (...args: Args) => void {
    return (...args) => {
      const wasInside = this.#inside
      this.#inside = true
      try {
        tell.apply(observer, args)
      } catch (error) {
        this.#tellOf(observer, error)
      } finally {
        this.#inside = wasInside
      }
    }
  }

  #tellOf(observer: StreamObserver, error: unknown): void {
    try {
      observer.onError?.(error)
    } catch {
      // Nobody is left to tell: whoever measures comes after whoever is measured.
    }
  }
}
