/**
 * Time, passed in: whoever waits or looks at the clock takes one of these, so that tests own time.
 *
 * The only file of `core` that knows timers.
 */
export interface Clock {
  /** Milliseconds since 1970. May jump. */
  now(): number

  /** Milliseconds since some fixed moment. Never goes back. For durations and deadlines. */
  elapsed(): number

  /** Calls `task` once after `delayMs`. Returns what cancels it; cancelling twice is harmless. */
  after(delayMs: number, task: () => void): () => void

  /** Resolves after `delayMs`, or rejects with `signal.reason` as soon as that is aborted. */
  sleep(delayMs: number, signal: AbortSignal): Promise<void>

  /** Gives other tasks of the process a turn. Between the slices of long work. */
  yield(): Promise<void>
}

/** The machine's clock. Its timers keep the process alive, as the platform's own do. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal.reason)
      }
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", onAbort)
        resolve()
      }, delayMs)
      signal.addEventListener("abort", onAbort, { once: true })
    })
  },
  yield: () => nextTurn(),
}

/** Not in browsers. It has no place in the library that this package is compiled with. */
declare const setImmediate: ((task: () => void) => unknown) | undefined

// After the input that is already there, and before any timer; a timer of 0 ms costs 1 to 4 ms.
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve)
    else afterMessage(resolve)
  })
}

// Where there is nothing better: on Deno a message to oneself holds up the sockets, since its loop
// looks at them once in some 60 turns as long as it has anything else to do.
function afterMessage(task: () => void): void {
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    port1.close()
    task()
  }
  port2.postMessage(0)
}
