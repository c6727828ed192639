import type { ReplicaEntry } from "@headwater/client"
import { signal } from "@preact/signals"
import { request, topicPath } from "../hub/request.ts"
import { fromBase64 } from "../value/byte-text.ts"
import type { TopicValues } from "../value/preview.ts"
import { KeyIndex } from "./key-index.ts"
import type { TopicView } from "./topic-view.ts"

/** Entries that one request brings. */
const PAGE_ENTRIES = 500

/** The topic and the prefix to browse. */
export interface ListedTopicOptions {
  readonly topic: string
  readonly values: TopicValues
  readonly prefix: string
}

interface ListBody {
  readonly entries: readonly ReplicaEntry[]
  readonly revision: number
  readonly next?: string
}

/**
 * A part of a topic that is too large for a replica in a page: entries under a prefix, fetched from
 * the hub page by page, in the hub's order. It does not change by itself.
 */
export class ListedTopic implements TopicView {
  readonly topic: string
  readonly values: TopicValues
  readonly prefix: string
  readonly index = new KeyIndex()
  readonly version = signal(0)
  /** The reason why the last request failed. */
  readonly failure = signal<string | undefined>(undefined)
  readonly isLoading = signal(false)
  readonly #entries = new Map<string, ReplicaEntry>()
  #next: string | undefined
  #isLoaded = false
  #revision: number | undefined

  constructor({ topic, values, prefix }: ListedTopicOptions) {
    this.topic = topic
    this.values = values
    this.prefix = prefix
    this.more()
  }

  get isLoaded(): boolean {
    return this.#isLoaded
  }

  /** True while the hub has more entries under the prefix. */
  get hasMore(): boolean {
    return !this.#isLoaded || this.#next !== undefined
  }

  /** The revision as of which the last entries were listed. */
  get revision(): number | undefined {
    return this.#revision
  }

  entry(key: string): ReplicaEntry | undefined {
    return this.#entries.get(key)
  }

  isFresh(): boolean {
    return false
  }

  /** Fetches the next entries. */
  more(): void {
    if (this.isLoading.peek()) return
    this.isLoading.value = true
    this.failure.value = undefined
    this.#fetch()
      .catch((error: Error) => {
        this.failure.value = error.message
        this.#next = undefined
      })
      .finally(() => {
        this.isLoading.value = false
        this.version.value += 1
      })
  }

  close(): void {}

  async #fetch(): Promise<void> {
    const query = new URLSearchParams({ limit: String(PAGE_ENTRIES) })
    if (this.prefix !== "") query.set("prefix", this.prefix)
    if (this.#next !== undefined) query.set("after", this.#next)
    const path = `${topicPath(this.topic, "entries")}?${query}`
    const body = (await (await request(path, { answerMs: 20_000 })).json()) as ListBody
    for (const entry of body.entries) this.#entries.set(entry.key, this.#decoded(entry))
    this.index.apply({ added: body.entries.map(({ key }) => key), removed: [] })
    this.#next = body.next
    this.#revision = body.revision
    this.#isLoaded = true
  }

  #decoded(entry: ReplicaEntry): ReplicaEntry {
    if (this.values !== "binary") return entry
    return { ...entry, value: fromBase64(String(entry.value)) }
  }
}
