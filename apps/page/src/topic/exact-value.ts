import { type ReadonlySignal, signal } from "@preact/signals"
import { RequestFailure, request, topicPath } from "../hub/request.ts"

/** A value as the hub has it, byte for byte. */
export interface Exact {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly revision: number
}

/** The shortest time between two requests for one key, in ms. */
const INTERVAL_MS = 500

/**
 * The exact value of one entry: fetched when it is opened, and again after it changed.
 *
 * A replica parses JSON, which rounds large numbers and loses the spelling; and a part of a topic
 * does not change by itself.
 */
export class ExactValue {
  readonly #value = signal<Exact | undefined>(undefined)
  readonly #failure = signal<RequestFailure | undefined>(undefined)
  readonly #path: string
  #wanted = -1
  #isFetching = false
  #isClosed = false

  constructor(topic: string, key: string) {
    this.#path = `${topicPath(topic, "entry")}?key=${encodeURIComponent(key)}`
  }

  /** Undefined until it is here, and while the entry is absent. */
  get value(): ReadonlySignal<Exact | undefined> {
    return this.#value
  }

  /** The reason why the last request failed; `ERR_KEY_ABSENT` for an entry that is not there. */
  get failure(): ReadonlySignal<RequestFailure | undefined> {
    return this.#failure
  }

  /**
   * Fetches the value unless that of the revision is here; 0 where the page has no entry. One
   * request runs at a time.
   */
  want(revision: number): void {
    if (revision === this.#wanted) return
    this.#wanted = revision
    if (revision === 0) this.#value.value = undefined
    if (!this.#isFetching) this.#fetch().catch(console.error)
  }

  close(): void {
    this.#isClosed = true
  }

  async #fetch(): Promise<void> {
    this.#isFetching = true
    try {
      for (let fetched = Number.NaN; fetched !== this.#wanted && !this.#isClosed; ) {
        fetched = this.#wanted
        await this.#fetchOnce()
        if (fetched !== this.#wanted) await new Promise((done) => setTimeout(done, INTERVAL_MS))
      }
    } finally {
      this.#isFetching = false
    }
  }

  async #fetchOnce(): Promise<void> {
    try {
      const response = await request(this.#path)
      const bytes = new Uint8Array(await response.arrayBuffer())
      const revision = Number(response.headers.get("headwater-revision"))
      this.#value.value = { bytes, revision }
      this.#failure.value = undefined
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error
      this.#failure.value = error
      if (error.code === "ERR_KEY_ABSENT") this.#value.value = undefined
    }
  }
}
