import { assert } from "./errors.ts"

/**
 * An observer that cannot spoil what it observes. What one of its methods throws goes to its
 * `onError` and no further; while one runs, `assertOutside` refuses. A method that it lacks is
 * lacking here too, and so costs nothing.
 */
export class GuardedObserver<Observer extends { onError?(error: unknown): void }> {
  readonly tells: Observer
  readonly #observer: Observer
  #inside = false

  /** @param names the methods that are called, without `onError`. */
  constructor(observer: Observer, names: readonly Exclude<keyof Observer, "onError">[]) {
    this.#observer = observer
    const tells: Partial<Observer> = {}
    for (const name of names) {
      const tell = observer[name]
      if (typeof tell !== "function") continue
      tells[name] = this.#guard(tell as Method) as typeof tell
    }
    this.tells = tells as Observer
  }

  /** Refuses within a method of the observer, which is called in the middle of changes. */
  assertOutside(): void {
    assert(!this.#inside, "an observer does not call the object that it observes")
  }

  /** Passes an error to `onError`, if there is one. Never throws. */
  report(error: unknown): void {
    try {
      this.#observer.onError?.(error)
    } catch {
      // An observer that throws here, too, gets nothing.
    }
  }

  #guard(tell: Method): Method {
    return (...args) => {
      const wasInside = this.#inside
      this.#inside = true
      try {
        Reflect.apply(tell, this.#observer, args)
      } catch (error) {
        this.report(error)
      } finally {
        this.#inside = wasInside
      }
    }
  }
}

type Method = (...args: unknown[]) => unknown
