import { type CacheRequest, type Clock, ClosedError, isSyncError, Waiters } from "@headwater/core"
import type { Expiring } from "./expiry-heap.ts"
import { type Effect, type KeyEvent, step } from "./key-machine.ts"
import { type KeyState, NEW_KEY } from "./key-state.ts"
import type { FetchOutcome } from "./observer.ts"
import { ReadThroughError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"
import type { Bucket } from "./token-bucket.ts"

/** What a slot needs of its cache. */
export interface SlotHost {
  readonly clock: Clock
  readonly random: () => number
  /** Takes what the rate limits ask for a read; returns how long to wait for it, ms. */
  reserve(slot: Slot): number
  /** A reservation is not used. */
  refund(slot: Slot): void
  /** What a slot holds is new. */
  onKeep(slot: Slot): void
  /** No caller waits for it any more. */
  onUnused(slot: Slot): void
  /** A read is out. */
  onFetch(slot: Slot): void
  /** It is not any more; without an outcome, as it was stopped. */
  onFetched(slot: Slot, outcome?: FetchOutcome): void
}

/**
 * One key, acting out what `key-machine` decides: its reads, timers, and whoever waits.
 *
 * Reads are its own: no caller's signal reaches them, and they end when the slot stops them.
 */
export class Slot<Value = unknown> {
  readonly id: string
  readonly type: RegisteredType<Value>
  readonly request: CacheRequest
  /** Woken whenever a read ended, a value was put here, or the slot is gone. */
  readonly waiters = new Waiters()
  /** Its place in the cache's heap, once it has one. */
  expiring: Expiring<Slot> | undefined
  /** Its own rate limit's. */
  bucket: Bucket
  /** What it counts for in the cache's bound. */
  bytes = 0
  #uses = 0
  readonly #host: SlotHost
  #state: KeyState<Value> = NEW_KEY
  #stop = () => {}

  constructor(
    id: string,
    type: RegisteredType<Value>,
    request: CacheRequest,
    bucket: Bucket,
    host: SlotHost,
  ) {
    const { since, timeoutMs, maxAgeMs, mustRevalidate, ...named } = request
    this.id = id
    this.type = type
    this.request = named
    this.bucket = bucket
    this.#host = host
  }

  /** What is known of the key now. */
  get state(): KeyState<Value> {
    return this.#state
  }

  /** Whether a caller waits for it, or was woken and has yet to look. */
  get isUsed(): boolean {
    return this.#uses > 0
  }

  /** Keeps it from being dropped for lack of room or use, until the function that is returned. */
  use(): () => void {
    this.#uses += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#uses -= 1
      if (this.#uses === 0) this.#host.onUnused(this as Slot)
    }
  }

  /** Something happened to the key. */
  dispatch(event: KeyEvent<Value>): void {
    const before = this.#state
    const [state, effects] = step(before, event, this.type.rules)
    this.#state = state
    if (state.state !== before.state) this.type.close(before.state)
    for (const effect of effects) this.#act(effect)
  }

  /** Waits for the rate limits anew, as they have changed. */
  throttleAgain(): void {
    if (this.#state.phase !== "throttled") return
    this.#act({ type: "stop" })
    this.#act({ type: "throttle" })
  }

  /** Closes what the type keeps; what is held stays. After the cache was closed. */
  release(): void {
    this.type.close(this.#state.state)
    this.#state = { ...this.#state, state: undefined }
  }

  #act(effect: Effect): void {
    const { type } = effect
    if (type === "stop") {
      const stop = this.#stop
      this.#stop = () => {}
      stop()
    } else if (type === "rest") {
      const due = () => this.dispatch({ type: "due" })
      this.#stop = this.#host.clock.after(effect.delayMs, due)
    } else if (type === "throttle") this.#throttle()
    else if (type === "fetch") this.#fetch(effect)
    else if (type === "keep") this.#host.onKeep(this as Slot)
    else if (type === "wake") this.waiters.wake()
    else this.type.close(this.#state.state)
  }

  #throttle(): void {
    const { clock } = this.#host
    const grant = () => this.dispatch({ type: "grant", now: clock.elapsed() })
    const delayMs = this.#host.reserve(this as Slot)
    if (delayMs <= 0) {
      grant()
      return
    }
    const cancel = clock.after(delayMs, grant)
    this.#stop = () => {
      cancel()
      this.#host.refund(this as Slot)
    }
  }

  #fetch({ attempt, since, waitMs, contactMs, overdueMs }: Effect & { type: "fetch" }): void {
    const { clock, random } = this.#host
    const { held, state } = this.#state
    const over = new AbortController()
    let isOver = false
    // Listeners are the type's code: they are called in a turn of their own.
    const abort = (reason: Error) => queueMicrotask(() => over.abort(reason))
    const timers = [
      clock.after(overdueMs, () => {
        const error = new ReadThroughError(
          `type "${this.type.name}" did not answer within ${Math.round(overdueMs)} ms`,
          "ERR_TIMEOUT",
        )
        fail(error)
        abort(error)
      }),
    ]
    if (contactMs !== undefined) {
      timers.push(clock.after(contactMs, () => this.dispatch({ type: "contact", attempt })))
    }
    const settle = () => {
      isOver = true
      for (const cancel of timers) cancel()
      this.#stop = () => {}
    }
    const fail = (error: Error) => {
      const isFatal = this.type.isFatal(error)
      if (isOver) return
      settle()
      this.#host.onFetched(this as Slot, { ok: false, isFatal })
      const [now, draw] = [clock.elapsed(), random()]
      this.dispatch({ type: "fail", attempt, error, isFatal, now, draw })
    }
    this.#stop = () => {
      settle()
      this.#host.onFetched(this as Slot)
      abort(new ClosedError("unsubscribed"))
    }
    const last = held && { value: held.value, position: held.position, state }
    const options = { request: this.request, since, waitMs, last }
    this.#host.onFetch(this as Slot)
    this.type.fetch(options, over.signal).then(
      (result) => {
        // Measured before anything changes: the type's code may call the cache, and end this read.
        const { value } = result
        const bytes = isOver || value === undefined ? 0 : this.type.bytesOf(value)
        // What comes too late is nobody's; what it opened is closed all the same.
        if (!isOver) {
          settle()
          const isNotModified = result.notModified === true
          this.#host.onFetched(this as Slot, { ok: true, isNotModified })
          const [now, draw] = [clock.elapsed(), random()]
          this.dispatch({ type: "answer", attempt, result, bytes, now, draw })
        }
        if (result.state !== this.#state.state) this.type.close(result.state)
      },
      (reason) => {
        if (!isOver) fail(errorOf(reason))
      },
    )
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error || isSyncError(reason) ? reason : new Error(String(reason))
}
