import type { Clock } from "@headwater/core"
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose"
import { NotReadyError } from "../errors.ts"

/** A key set that is older than this is fetched again, in ms; tokens do not wait for it. */
const FRESH_MS = 600_000

/** An unknown key identifier makes the set be fetched at most this often, in ms. */
const REFETCH_MS = 30_000

/** The last good set is used for this long while it cannot be fetched, in ms; 24 h. */
const KEPT_MS = 86_400_000

/** Reads the issuer's key set. Rejects when it cannot be read, or is none. */
export type FetchKeySet = (signal: AbortSignal) => Promise<JSONWebKeySet>

/**
 * The public keys of a token issuer.
 *
 * The set is fetched when a token needs it, at most once at a time. An issuer that cannot be
 * reached does not end readers: the last good set counts for 24 h, and without one the hub cannot
 * decide, which is a 503 and never a 401.
 */
export class KeySet {
  readonly #fetch: FetchKeySet
  readonly #clock: Clock
  readonly #onFailure: (error: unknown) => void
  #find: JWTVerifyGetKey | undefined
  #fetchedAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #fetching: Promise<void> | undefined
  readonly #stop = new AbortController()

  constructor(fetch: FetchKeySet, clock: Clock, onFailure: (error: unknown) => void) {
    this.#fetch = fetch
    this.#clock = clock
    this.#onFailure = onFailure
  }

  /** Age of the set in use, in ms; `Infinity` before there is one. */
  get ageMs(): number {
    return this.#clock.elapsed() - this.#fetchedAt
  }

  /**
   * The key that a token names, for `jwtVerify`.
   *
   * @throws {NotReadyError} no set could be fetched within the last 24 h.
   * @throws {errors.JWKSNoMatchingKey} the issuer has no such key.
   */
  readonly getKey: JWTVerifyGetKey = async (header, token) => {
    if (this.#find === undefined || this.ageMs > KEPT_MS) await this.#refetch()
    else if (this.ageMs > FRESH_MS) this.#refetch().catch(this.#onFailure)
    if (this.#find === undefined || this.ageMs > KEPT_MS) {
      throw new NotReadyError("the keys of the token issuer cannot be fetched")
    }
    try {
      return await this.#find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !this.#mayRefetch) throw error
      await this.#refetch()
      return await this.#find(header, token)
    }
  }

  /** Stops fetching. */
  close(): void {
    this.#stop.abort(new Error("the key set is closed"))
  }

  get #mayRefetch(): boolean {
    return this.#fetching !== undefined || this.#clock.elapsed() - this.#triedAt >= REFETCH_MS
  }

  /** Fetches once for all that wait. Never rejects: the set in use decides. */
  #refetch(): Promise<void> {
    if (!this.#mayRefetch) return Promise.resolve()
    this.#fetching ??= this.#run().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #run(): Promise<void> {
    this.#triedAt = this.#clock.elapsed()
    try {
      this.#find = createLocalJWKSet(await this.#fetch(this.#stop.signal))
      this.#fetchedAt = this.#clock.elapsed()
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#onFailure(error)
    }
  }
}
