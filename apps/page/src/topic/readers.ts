import { signal } from "@preact/signals"
import { RequestFailure, request, requestJson, topicPath } from "../hub/request.ts"

/** A reader of a topic as `GET …/subscribers` describes it. */
export interface TopicReader {
  readonly id: string
  readonly identity: string | null
  readonly address: string | null
  readonly view: {
    readonly id: string
    readonly prefixes: readonly string[]
    readonly keys: readonly string[]
  }
  readonly policy: string
  readonly state: string
  readonly position: string | null
  readonly lagRevisions: number | null
  readonly lagMs: number
  readonly stalledMs: number
  readonly bytes: number
  readonly since: string
  readonly slow: boolean
}

interface ReadersBody {
  readonly subscribers: readonly TopicReader[]
  readonly next?: string
}

const POLL_MS = 2_000

/** Readers that the page shows. */
const READERS_MAX = 500

/** The readers of a topic, asked for every two seconds until it is closed. */
export class TopicReaders {
  readonly list = signal<readonly TopicReader[] | undefined>(undefined)
  /** There are more readers than the list has. */
  readonly hasMore = signal(false)
  /** The reason why the hub did not list them. */
  readonly failure = signal<RequestFailure | undefined>(undefined)
  readonly #topic: string
  #timer: ReturnType<typeof setTimeout> | undefined
  #isClosed = false

  constructor(topic: string) {
    this.#topic = topic
    this.#poll()
  }

  /** Ends the stream of a reader, which may come back. @throws {RequestFailure} it did not. */
  async end(id: string): Promise<void> {
    const path = topicPath(this.#topic, `subscribers/${encodeURIComponent(id)}`)
    await request(path, { method: "DELETE", isOptional: true })
    this.list.value = this.list.value?.filter((reader) => reader.id !== id)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #poll(): void {
    this.#read()
      .catch(console.error)
      .finally(() => {
        if (!this.#isClosed) this.#timer = setTimeout(() => this.#poll(), POLL_MS)
      })
  }

  async #read(): Promise<void> {
    try {
      const path = topicPath(this.#topic, `subscribers?limit=${READERS_MAX}`)
      const { subscribers, next } = await requestJson<ReadersBody>(path, { isOptional: true })
      this.list.value = subscribers
      this.hasMore.value = next !== undefined
      this.failure.value = undefined
    } catch (error) {
      if (!(error instanceof RequestFailure)) throw error
      this.failure.value = error
    }
  }
}
