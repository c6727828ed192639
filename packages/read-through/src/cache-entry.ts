import {
  assert,
  type CacheRequest,
  type Clock,
  ClosedError,
  isSyncError,
  Waiters,
} from "@headwater/core"
import type { Expiring } from "./expiry-heap.ts"
import { type KeyEffect, type KeyEvent, step } from "./key-machine.ts"
import { assertKeyState, type KeyState, NEW_KEY } from "./key-state.ts"
import type { FetchOutcome } from "./observer.ts"
import { ReadThroughError } from "./read-through-error.ts"
import type { RegisteredType } from "./registered-type.ts"
import type { Bucket } from "./token-bucket.ts"

/** The cache, as its entries see it. */
export interface CacheEntryContext {
  readonly clock: Clock
  readonly random: () => number
  /** Takes the tokens for a read. Returns the wait for them, ms. */
  reserve(entry: CacheEntry): number
  /** Gives the tokens of a read back that did not begin. */
  refund(entry: CacheEntry): void
  /** Called when the value of an entry is new. */
  onKeep(entry: CacheEntry): void
  /** Called when no caller waits for an entry any more. */
  onUnused(entry: CacheEntry): void
  /** Called when a read begins. */
  onFetch(entry: CacheEntry): void
  /** Called when a read ends; without an outcome when it was stopped. */
  onFetched(entry: CacheEntry, outcome?: FetchOutcome): void
}

/**
 * The entry of one key. It acts out the effects of `key-machine`: reads, timers, and wake-ups.
 *
 * Reads belong to the entry: no caller's signal reaches them, and only the entry stops them.
 */
export class CacheEntry<Value = unknown> {
  readonly id: string
  readonly type: RegisteredType<Value>
  readonly request: CacheRequest
  /** Woken whenever a read ended, a value was put here, or the entry was dropped. */
  readonly waiters = new Waiters()
  /** Its place in the cache's heap, once it has one. */
  expiring: Expiring<CacheEntry> | undefined
  /** The bucket of its own rate limit. */
  bucket: Bucket
  /** Its bytes, for the bound of the cache. */
  bytes = 0
  #uses = 0
  readonly #context: CacheEntryContext
  #state: KeyState<Value> = NEW_KEY
  #stop = () => {}

  constructor(
    id: string,
    type: RegisteredType<Value>,
    request: CacheRequest,
    bucket: Bucket,
    context: CacheEntryContext,
  ) {
    const { since, timeoutMs, maxAgeMs, mustRevalidate, ...named } = request
    this.id = id
    this.type = type
    this.request = named
    this.bucket = bucket
    this.#context = context
  }

  /** The state of the key now. */
  get state(): KeyState<Value> {
    return this.#state
  }

  /** Returns whether a caller waits for it, or was woken and has yet to look. */
  get isUsed(): boolean {
    return this.#uses > 0
  }

  /** Keeps the entry from being dropped for lack of room or use. Returns the end of that. */
  use(): () => void {
    this.#uses += 1
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      this.#uses -= 1
      if (this.#uses === 0) this.#context.onUnused(this as CacheEntry)
    }
  }

  /** Asserts what must hold between two calls: see `ReadThroughCache.assertInvariants`. */
  assertInvariants(): void {
    assertKeyState(this.#state)
    assert(this.waiters.size <= this.#uses, "a caller that waits uses the entry")
    assert(this.bytes >= 2 * this.id.length, "an entry counts for its name at least")
  }

  /** Takes an event, and acts out its effects. */
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

  /** Closes the state of the type; the value stays. Called once the cache is closed. */
  release(): void {
    this.type.close(this.#state.state)
    this.#state = { ...this.#state, state: undefined }
  }

  #act(effect: KeyEffect): void {
    const { type } = effect
    if (type === "stop") {
      const stop = this.#stop
      this.#stop = () => {}
      stop()
    } else if (type === "rest") {
      const due = () => this.dispatch({ type: "due" })
      this.#stop = this.#context.clock.after(effect.delayMs, due)
    } else if (type === "throttle") this.#throttle()
    else if (type === "fetch") this.#fetch(effect)
    else if (type === "keep") this.#context.onKeep(this as CacheEntry)
    else if (type === "wake") this.waiters.wake()
    else this.type.close(this.#state.state)
  }

  #throttle(): void {
    const { clock } = this.#context
    const grant = () => this.dispatch({ type: "grant", now: clock.elapsed() })
    const delayMs = this.#context.reserve(this as CacheEntry)
    if (delayMs <= 0) {
      grant()
      return
    }
    const cancel = clock.after(delayMs, grant)
    this.#stop = () => {
      cancel()
      this.#context.refund(this as CacheEntry)
    }
  }

  #fetch({ attempt, since, waitMs, contactMs, overdueMs }: KeyEffect & { type: "fetch" }): void {
    const { clock, random } = this.#context
    const { current, state } = this.#state
    const over = new AbortController()
    let isOver = false
    // Listeners are the type's code, so they are called in a turn of their own.
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
      this.#context.onFetched(this as CacheEntry, { ok: false, isFatal })
      const [now, draw] = [clock.elapsed(), random()]
      this.dispatch({ type: "fail", attempt, error, isFatal, now, draw })
    }
    this.#stop = () => {
      settle()
      this.#context.onFetched(this as CacheEntry)
      abort(new ClosedError("unsubscribed"))
    }
    const last = current && { value: current.value, position: current.position, state }
    const options = { request: this.request, since, waitMs, last }
    this.#context.onFetch(this as CacheEntry)
    this.type.fetch(options, over.signal).then(
      (result) => {
        // Measured before anything changes: the type's code may call the cache, and end this read.
        const { value } = result
        const bytes = isOver || value === undefined ? 0 : this.type.bytesOf(value)
        // A late answer is dropped; the state that it opened is closed all the same.
        if (!isOver) {
          settle()
          const isNotModified = result.notModified === true
          this.#context.onFetched(this as CacheEntry, { ok: true, isNotModified })
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
