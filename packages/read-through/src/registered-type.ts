import { type CacheRequest, type CacheType, isSyncError, type RateLimit } from "@headwater/core"
import type { KeyRules } from "./key-state.ts"
import {
  FETCH_MS_DEFAULT,
  QUERY_TIMEOUT_MS_DEFAULT,
  REFRESH_TTL_MS_DEFAULT,
  TTL_MS_DEFAULT,
} from "./limits.ts"
import { checkRateLimit, checkType } from "./options.ts"
import { isSameValue } from "./same-value.ts"
import { rateLimitOf } from "./token-bucket.ts"

/** A type with a name and every default filled in. */
export class RegisteredType<Value, Request extends CacheRequest = CacheRequest> {
  readonly name: string
  readonly rules: KeyRules
  readonly ttlMs: number
  readonly rateLimit: RateLimit | undefined
  readonly #type: CacheType<Value, Request>
  readonly #report: (error: unknown) => void

  /** @param report is called with errors that callbacks of the type throw. */
  constructor(
    name: string,
    type: CacheType<Value, Request>,
    report: (error: unknown) => void = reportToConsole,
  ) {
    checkType(name, type)
    if (type.rateLimit) checkRateLimit(`register "${name}": rateLimit`, type.rateLimit)
    const { blocking = false, refresh = false, refreshMs = 0 } = type
    const timeoutMs = blocking ? QUERY_TIMEOUT_MS_DEFAULT : FETCH_MS_DEFAULT
    this.name = name
    this.rules = { blocking, refresh, refreshMs, queryTimeoutMs: type.queryTimeoutMs || timeoutMs }
    // An entry that is refreshed goes on costing reads after its last use.
    this.ttlMs = type.ttlMs || (refresh ? REFRESH_TTL_MS_DEFAULT : TTL_MS_DEFAULT)
    this.rateLimit = type.rateLimit && rateLimitOf(type.rateLimit)
    this.#type = type
    this.#report = report
  }

  /** Calls the type's own `fetch`; an error that it throws becomes a rejection. */
  async fetch(
    ...args: Parameters<CacheType<Value, Request>["fetch"]>
  ): ReturnType<CacheType<Value, Request>["fetch"]> {
    return this.#type.fetch(...args)
  }

  /** The bytes of a value. */
  bytesOf(value: Value): number {
    const { bytesOf } = this.#type
    if (bytesOf) return this.#answerOr(0, () => bytesOf.call(this.#type, value))
    if (typeof value === "string") return 2 * value.length
    return ArrayBuffer.isView(value) ? value.byteLength : 0
  }

  /** Returns whether two values are the same to a follower. */
  isSame(a: Value, b: Value): boolean {
    return this.#type.isSame ? this.#type.isSame(a, b) : isSameValue(a, b)
  }

  /** Returns whether retries are in vain. */
  isFatal(error: Error): boolean {
    const { isFatal } = this.#type
    if (isFatal) return this.#answerOr(false, () => isFatal.call(this.#type, error))
    return isSyncError(error) && error.code === "ERR_UNAUTHENTICATED"
  }

  /** Closes the state of the type, in a turn of its own: never in the middle of a change. */
  close(state: unknown): void {
    const { close } = (state ?? {}) as { close?: unknown }
    if (typeof close !== "function") return
    Promise.resolve()
      .then(() => close.call(state))
      .catch(this.#report)
  }

  // An error of a callback is a bug of the type. It must not leave a caller unwoken.
  #answerOr<T>(otherwise: T, ask: () => T): T {
    try {
      return ask()
    } catch (error) {
      this.#report(error)
      return otherwise
    }
  }
}

function reportToConsole(error: unknown): void {
  console.error("read-through: a callback of a type failed", error)
}
