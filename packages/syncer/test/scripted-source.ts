import type { Revision, Source, WatchEvent } from "@headwater/core"
import { type Commit, type Entry, type ListPage, type ListRequest, Waiters } from "@headwater/core"

const utf8 = new TextEncoder()

/** A source that says what a test tells it to say, when it does; also what no real one would. */
export class ScriptedSource implements Source {
  readonly name = "scripted:"
  now: Revision
  identityNow = "S"
  readonly requests: ListRequest[] = []
  readonly watches: Revision[] = []
  readonly #told = new Waiters()
  #pages: (ListPage | "end" | Error)[] = []
  #events: WatchEvent[] = []

  constructor(now: Revision) {
    this.now = now
  }

  /** The list goes on with this page. */
  page(revision: Revision, entries: Readonly<Record<string, Revision>>): void {
    const told = Object.entries(entries).map(([key, own]): Entry => {
      return { key, value: utf8.encode("listed"), revision: own }
    })
    this.#tell(() => this.#pages.push({ revision, entries: told, invalid: [] }))
  }

  /** The list ends. */
  end(): void {
    this.#tell(() => this.#pages.push("end"))
  }

  /** The list fails. */
  fail(error: Error): void {
    this.#tell(() => this.#pages.push(error))
  }

  /** The watch tells a commit: keys that are put, and with a minus before them deleted. */
  commit(revision: Revision, ...keys: string[]): void {
    const changes = keys.map((key) => {
      if (key.startsWith("-")) return { op: "delete", key: key.slice(1) } as const
      return { op: "put", key, value: utf8.encode("watched") } as const
    })
    this.commits({ revision, changes })
  }

  /** The watch tells commits. */
  commits(...commits: Commit[]): void {
    this.event({ type: "commits", commits })
  }

  /** The watch tells this. */
  event(event: WatchEvent): void {
    if (event.type === "commits") {
      this.now = Math.max(this.now, ...event.commits.map(({ revision }) => revision))
    }
    this.#tell(() => this.#events.push(event))
  }

  async identity(): Promise<string> {
    return this.identityNow
  }

  async revision(): Promise<Revision> {
    return this.now
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    this.requests.push(request)
    for (;;) {
      const page = this.#pages.shift()
      if (page === "end") return
      if (page instanceof Error) throw page
      if (page === undefined) await this.#told.wait(signal)
      else yield page
    }
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.watches.push(from)
    for (;;) {
      const event = this.#events.shift()
      if (event === undefined) await this.#told.wait(signal)
      else yield event
      if (event?.type === "lost") return
    }
  }

  async close(): Promise<void> {}

  #tell(how: () => void): void {
    how()
    this.#told.wake()
  }
}
