import {
  type CacheRequest,
  type CacheType,
  checkOptions,
  type FetchResult,
  functionRule,
  LinkedAbort,
  type OptionRules,
  type Position,
  systemClock,
} from "@headwater/core"
import { connect } from "../connect.ts"
import { clockRule } from "../hub-rules.ts"
import type { ClientClock } from "../link.ts"
import type { Replica } from "../replica.ts"
import type { ReplicaSnapshot } from "../snapshot.ts"
import { wait } from "../wait.ts"
import { HubReadError } from "./hub-read-error.ts"
import { HUB_RULES, HUB_TTL_MS, type HubEntry, type HubTypeOptions } from "./hub-reader.ts"
import { prefixOf } from "./list-type.ts"

/** A topic of a hub, and the means to follow entries of it. */
export interface LiveTypeOptions extends Omit<HubTypeOptions, "waitMs"> {
  readonly clock?: ClientClock | undefined
  /** As `Math.random`; draws the back-off of streams. */
  readonly random?: (() => number) | undefined
}

/** A stream outlives its entry's last use by 20 minutes. Source: Consul submatview. */
export const LIVE_TTL_MS = HUB_TTL_MS

/**
 * Single entries of a topic, each fed by one stream of its own: `entryType` without polling.
 *
 * The value is always whole and proven, as a `Replica` is: a snapshot that has come in part, or
 * a reset, is not seen. While the stream is lost, reads fail, and the entry's age grows.
 */
export function liveEntryType<Value = unknown>(
  options: LiveTypeOptions,
): CacheType<HubEntry<Value> | null, CacheRequest, LiveEntry<Value>> {
  return liveType(
    options,
    ({ key }) => ({ keys: [key] }),
    (snapshot, { key }) => snapshot.getEntry(key) ?? null,
  )
}

/** All entries with a prefix, as `listType`, fed by one stream for each prefix. */
export function liveListType<Value = unknown>(
  options: LiveTypeOptions,
): CacheType<readonly HubEntry<Value>[], CacheRequest, LiveEntry<Value>> {
  return liveType(
    options,
    ({ key }) => ({ prefix: [prefixOf(key)] }),
    (snapshot) => [...snapshot.entries()].sort((a, b) => (a.key < b.key ? -1 : 1)),
  )
}

/** The state of one entry of a live type: its stream, and the last change of it. */
export class LiveEntry<Value = unknown> {
  readonly replica: Replica<Value>
  /**
   * True if a read failed since the stream was last live. The next read is then answered at once.
   */
  hasFailed = false
  #changed: ReplicaSnapshot<Value> | undefined
  #position: Position | undefined

  constructor(replica: Replica<Value>) {
    this.replica = replica
    replica.subscribe((snapshot, commit) => {
      if (commit === undefined) return
      this.#changed = snapshot
      this.#position = commit.position
    })
  }

  /** The state after the last change, and its position; undefined before there is any. */
  get changed():
    | { readonly snapshot: ReplicaSnapshot<Value>; readonly position: Position }
    | undefined {
    const [snapshot, position] = [this.#changed, this.#position]
    return snapshot && position && { snapshot, position }
  }

  /** Lets go of the stream. */
  close(): Promise<void> {
    return this.replica.close()
  }
}

const LIVE_RULES: OptionRules<LiveTypeOptions> = {
  ...HUB_RULES,
  clock: clockRule,
  random: functionRule,
}

type Filters = { readonly prefix?: readonly string[]; readonly keys?: readonly string[] }

function liveType<Shown, Value>(
  options: LiveTypeOptions,
  filtersOf: (request: CacheRequest) => Filters,
  show: (snapshot: ReplicaSnapshot<Value>, request: CacheRequest) => Shown,
): CacheType<Shown, CacheRequest, LiveEntry<Value>> {
  checkOptions("a live type", options, LIVE_RULES)
  const { url, topic, token, fetch, clock, random, ttlMs = LIVE_TTL_MS } = options
  const open = (request: CacheRequest) => {
    const base = typeof url === "function" ? url(request.partition) : url
    const own = { url: base, topic, token: request.token ?? token, fetch, clock, random }
    return new LiveEntry(connect<Value>({ ...own, ...filtersOf(request) }))
  }
  return {
    blocking: true,
    refresh: true,
    ttlMs,
    async fetch({ request, since, waitMs, last }, signal) {
      const kept = last?.state
      const live = kept && kept.replica.status.state !== "closed" ? kept : open(request)
      try {
        await untilChange(live, since, waitMs, clock ?? systemClock, signal)
      } catch (error) {
        live.hasFailed = true
        if (live !== kept) await live.close()
        throw error
      }
      live.hasFailed = false
      const { snapshot, position } = live.changed!
      const result: FetchResult<Shown, LiveEntry<Value>> = { ...position, state: live }
      const isSame = last && live === kept && isAt(position, last.position)
      return isSame
        ? { ...result, notModified: true }
        : { ...result, value: show(snapshot, request) }
    },
  }
}

// Until there is something after a position, the stream works again, or the time is over.
async function untilChange(
  live: LiveEntry,
  since: Position | undefined,
  waitMs: number,
  clock: Pick<ClientClock, "after">,
  signal: AbortSignal,
): Promise<void> {
  const { replica } = live
  const late = new LinkedAbort(signal)
  late.abortAfter(clock, waitMs)
  try {
    for (;;) {
      const { changed } = live
      if (changed && (!since || !isAt(changed.position, since))) return
      signal.throwIfAborted()
      const { state, error } = replica.status
      if (state === "closed" || state === "waiting") throw error ?? lost()
      if (changed && (late.signal.aborted || (live.hasFailed && state === "live"))) return
      if (late.signal.aborted) throw lost("ERR_TIMEOUT")
      await wait((wake) => {
        const ends = [
          replica.subscribe((_, commit) => commit && wake()),
          replica.subscribeStatus(wake),
        ]
        return () => {
          for (const end of ends) end()
        }
      }, late.signal)
    }
  } finally {
    late.unlink()
  }
}

function isAt(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.revision === b.revision
}

function lost(code: "ERR_SOURCE_FAILED" | "ERR_TIMEOUT" = "ERR_SOURCE_FAILED"): HubReadError {
  const message = code === "ERR_TIMEOUT" ? "did not come within the wait" : "was lost"
  return new HubReadError(`the stream of this entry ${message}`, code)
}
