import { type CacheRequest, type CacheType, isSyncError, type RateLimit } from "@headwater/core"
import type { KeyRules } from "./key-state.ts"
import { FETCH_MS_DEFAULT, QUERY_TIMEOUT_MS_DEFAULT, TTL_MS_DEFAULT } from "./limits.ts"
import { isSameValue } from "./same-value.ts"
import { rateLimitOf } from "./token-bucket.ts"

/** A type with a name and every default filled in. */
export class RegisteredType<Value, Request extends CacheRequest = CacheRequest> {
  readonly name: string
  readonly rules: KeyRules
  readonly ttlMs: number
  readonly rateLimit: RateLimit | undefined
  readonly #type: CacheType<Value, Request>

  constructor(name: string, type: CacheType<Value, Request>) {
    const { blocking = false, refresh = false, refreshMs = 0 } = type
    const timeoutMs = blocking ? QUERY_TIMEOUT_MS_DEFAULT : FETCH_MS_DEFAULT
    this.name = name
    this.rules = { blocking, refresh, refreshMs, queryTimeoutMs: type.queryTimeoutMs || timeoutMs }
    this.ttlMs = type.ttlMs || TTL_MS_DEFAULT
    this.rateLimit = type.rateLimit && rateLimitOf(type.rateLimit)
    this.#type = type
  }

  /** As the type's own, but never throws before it promises. */
  async fetch(
    ...args: Parameters<CacheType<Value, Request>["fetch"]>
  ): ReturnType<CacheType<Value, Request>["fetch"]> {
    return this.#type.fetch(...args)
  }

  /** How many bytes a value takes. */
  bytesOf(value: Value): number {
    const { bytesOf } = this.#type
    if (bytesOf) return answerOr(0, () => bytesOf.call(this.#type, value))
    if (typeof value === "string") return 2 * value.length
    return ArrayBuffer.isView(value) ? value.byteLength : 0
  }

  /** Whether two values are the same to who is notified. */
  isSame(a: Value, b: Value): boolean {
    return this.#type.isSame ? this.#type.isSame(a, b) : isSameValue(a, b)
  }

  /** Whether reading again by itself is in vain. */
  isFatal(error: Error): boolean {
    const { isFatal } = this.#type
    if (isFatal) return answerOr(false, () => isFatal.call(this.#type, error))
    return isSyncError(error) && error.code === "ERR_UNAUTHENTICATED"
  }
}

// What a type throws here is a bug, told to the process: it must not leave who waits unwoken.
function answerOr<T>(otherwise: T, ask: () => T): T {
  try {
    return ask()
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
    return otherwise
  }
}
