import { SnapshotCache, type SnapshotCacheOptions } from "@headwater/cache"
import type { Change, Clock, Source, Status, SyncErrorCode } from "@headwater/core"
import type { EngineOptions } from "@headwater/core/engine"
import { prng } from "@headwater/testing"
import type { SyncerLimits } from "../src/limits.ts"
import { Syncer } from "../src/syncer.ts"

export const never = new AbortController().signal
const utf8 = new TextEncoder()
const text = new TextDecoder()

export const put = (key: string, value: string): Change => ({
  op: "put",
  key,
  value: utf8.encode(value),
})
export const del = (key: string): Change => ({ op: "delete", key })

/** Writes without conditions; the revision. */
export async function write(source: Source, ...changes: Change[]): Promise<number> {
  const outcome = await source.write!({ conditions: [], changes }, never)
  if (!outcome.written) throw new Error("a write without conditions was refused")
  return outcome.revision
}

/** The present content of the source, by key: value and revision. */
export async function contentOf(source: Source): Promise<Record<string, string>> {
  const content: Record<string, string> = {}
  for await (const page of source.list({}, never)) {
    for (const { key, value, revision } of page.entries) {
      content[key] = `${text.decode(value)} at ${revision}`
    }
  }
  return sorted(content)
}

/** The content that the cache serves, in the same form. */
export function contentOfCache(cache: SnapshotCache): Record<string, string> | undefined {
  if (cache.current === undefined) return undefined
  const content: Record<string, string> = {}
  for (const { key, value, revision } of cache.current.snapshot.entries()) {
    content[key] = `${text.decode(value)} at ${revision}`
  }
  return sorted(content)
}

function sorted(content: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** A syncer at work on a real cache, and what its readers are told of its status. */
export class Hub {
  readonly cache: SnapshotCache
  readonly syncer: Syncer
  readonly statuses: (Status | `${Status} ${SyncErrorCode}`)[] = []
  readonly log: string[] = []
  readonly #abort = new AbortController()
  readonly #running: Promise<void>

  constructor(
    source: Source,
    clock: Clock,
    options: {
      limits?: Partial<SyncerLimits>
      engine?: EngineOptions
      seed?: number
      load?: (options: SnapshotCacheOptions) => SnapshotCache
    } = {},
  ) {
    const { limits = {}, engine = {}, seed = 1, load } = options
    this.cache = load?.({ clock, engine }) ?? new SnapshotCache({ clock, engine })
    const { cache, statuses } = this
    const spy = new Proxy(cache, {
      get(target, name) {
        if (name === "setStatus") {
          return (status: Status, code?: SyncErrorCode) => {
            statuses.push(code ? `${status} ${code}` : status)
            target.setStatus(status, code)
          }
        }
        const member = Reflect.get(target, name, target)
        return typeof member === "function" ? member.bind(target) : member
      },
    })
    this.syncer = new Syncer({
      source,
      cache: spy,
      clock,
      random: prng(seed),
      epochSalt: "json",
      limits,
      log: (line, fields) => this.log.push(`${line} ${JSON.stringify(fields ?? {})}`),
    })
    this.#running = this.syncer.run(this.#abort.signal)
    this.#running.catch(() => {}) // `stop` tells
  }

  /** Ends it, and frees its memory. Rejects when it had failed. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.cache.close()
  }
}
