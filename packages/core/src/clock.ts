import { badOption } from "./errors.ts"
import { onAbort } from "./on-abort.ts"

/**
 * Time, passed in: code that waits or reads the time takes a clock, so that tests control it.
 *
 * A delay is any number of milliseconds from 0 up. `Infinity` means never: nothing is called, and
 * no timer is set. NaN and negative delays are refused with an `OptionError`.
 *
 * The only file of `core` that uses timers.
 *
 * Decision: docs/decisions/server.md, “The hub yields by `setImmediate`”.
 */
export interface Clock {
  /** Milliseconds since 1970. May jump. */
  now(): number

  /** Milliseconds since some fixed moment. Never goes back. For durations and deadlines. */
  elapsed(): number

  /** Calls `task` once after `delayMs`. Returns its cancellation, which may be called twice. */
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
  after: startTimer,
  sleep: (delayMs, signal) => sleepOn(startTimer, delayMs, signal),
  yield: () => nextTurn(),
}

/** The longest delay that a platform's timer takes: 24.8 days. A longer one would fire at once. */
export const TIMER_MS_MAX = 2_147_483_647

/** `systemClock.after` by itself. A delay above `TIMER_MS_MAX` is several timers in a row. */
export function startTimer(delayMs: number, task: () => void): () => void {
  checkDelay(delayMs)
  let leftMs = delayMs
  let timer: ReturnType<typeof setTimeout> | undefined
  const arm = () => {
    const stepMs = Math.min(leftMs, TIMER_MS_MAX)
    leftMs -= stepMs
    timer = setTimeout(leftMs > 0 ? arm : task, stepMs)
  }
  if (leftMs < Number.POSITIVE_INFINITY) arm()
  return () => clearTimeout(timer)
}

/** Refuses a delay that is negative or NaN. For implementations of `Clock`. */
export function checkDelay(delayMs: number): void {
  if (!(delayMs >= 0)) throw badOption("a delay", delayMs, "0 or more ms")
}

/** `Clock.sleep`, by means of a clock's `after`. For implementations of `Clock`. */
export function sleepOn(
  after: Clock["after"],
  delayMs: number,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    const cancel = after(delayMs, () => {
      withdraw()
      resolve()
    })
    const withdraw = onAbort(signal, () => {
      cancel()
      reject(signal.reason)
    })
  })
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
