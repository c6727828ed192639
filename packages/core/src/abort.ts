import type { Clock } from "./clock.ts"
import { onAbort } from "./on-abort.ts"

/**
 * An abort of its own, that also follows other signals and, if asked to, ends after some time.
 *
 * Not `AbortSignal.any`: on some runtimes that is never collected while one of the signals that it
 * follows lives as long as the process. Every `LinkedAbort` is unlinked when its work is done.
 */
export class LinkedAbort {
  readonly #controller = new AbortController()
  readonly #withdrawals: (() => void)[] = []
  #stopTimer = () => {}
  #isLate = false

  /** @param parents the signals to follow, with their reasons; absent ones are left out. */
  constructor(...parents: (AbortSignal | undefined)[]) {
    for (const parent of parents) {
      // Once one is aborted, nothing is left to follow.
      if (this.signal.aborted) break
      this.#withdrawals.push(onAbort(parent, () => this.abort(parent?.reason)))
    }
  }

  /** Aborted by `abort`, by a parent, or because the time is up. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** True when the time was up before anything else happened. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** Aborts when so much time has passed. Another call starts the time anew. */
  abortAfter(clock: Pick<Clock, "after">, delayMs: number, reasonOf?: () => unknown): void {
    this.#stopTimer()
    if (this.signal.aborted) return
    this.#stopTimer = clock.after(delayMs, () => {
      this.#isLate = true
      this.abort(reasonOf?.())
    })
  }

  /** Aborts, unless that has happened, and unlinks. */
  abort(reason?: unknown): void {
    this.unlink()
    this.#controller.abort(reason)
  }

  /** Follows no signal and no time any more. Nothing is left behind. */
  unlink(): void {
    this.#stopTimer()
    for (const withdraw of this.#withdrawals) withdraw()
  }
}

/** The time that a task may take. */
export interface Deadline {
  readonly clock: Pick<Clock, "after">
  readonly timeoutMs: number
  /** Makes the error that the task's signal is aborted with when the time is up. */
  readonly errorOf: () => unknown
}

/**
 * Runs a task with a signal that is aborted when the time is up, or with a parent. Once the task
 * has ended, whatever it left running with that signal is aborted, too.
 *
 * @throws what the task throws.
 */
export async function withDeadline<T>(
  { clock, timeoutMs, errorOf }: Deadline,
  parents: readonly (AbortSignal | undefined)[],
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const link = new LinkedAbort(...parents)
  link.abortAfter(clock, timeoutMs, errorOf)
  try {
    return await task(link.signal)
  } finally {
    link.abort()
  }
}

/**
 * Waits for work until the signal is aborted, for work that may not observe the signal itself. A
 * later failure of that work is ignored.
 *
 * @throws `signal.reason`, also when it was aborted before.
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const withdraw = onAbort(signal, () => reject(signal?.reason))
    work.then(resolve, reject).finally(withdraw)
  })
}
