import {
  type Clock,
  checkOptions,
  durationRule,
  type Entry,
  type InvalidEntry,
  type ListPage,
  type ListRequest,
  type OptionRules,
  type Revision,
  required,
  type Source,
  SourceError,
  type WatchEvent,
} from "@headwater/core"
import { anyTextRule, ETCD_RULES } from "../etcd-options.ts"
import type { Secret } from "../secret.ts"
import { Directory } from "./directory.ts"
import { KeysApi } from "./keys-api.ts"
import { type Answer, isRefusal, KEY_ABSENT } from "./messages.ts"
import { watchEtcd2 } from "./watch.ts"

/** Which directory of which etcd, and how it is reached. */
export interface Etcd2Options {
  /** `http://HOST:PORT` of one or more members of one cluster; the first is asked first. */
  readonly endpoints: readonly string[]
  /** With a slash at both ends: keys are the paths of files beneath it, without it. */
  readonly prefix: string
  readonly username?: string
  readonly password?: Secret
  /** The platform's by default; another one for a CA or a certificate of one's own. */
  readonly fetch?: typeof fetch
  readonly clock: Clock
  /**
   * A watch that is behind reads missed events, one for each request, for this long, in ms; then it
   * lists the directory instead. 5 s by default.
   */
  readonly catchUpMs?: number
}

/** At 30 ms a request some 170 events, of the 1,000 that etcd keeps. */
const CATCH_UP_MS = 5_000

const OPTIONS: OptionRules<Etcd2Options> = {
  ...ETCD_RULES,
  prefix: required(anyTextRule),
  catchUpMs: durationRule(),
}

/** Makes an `Etcd2Source`. Nothing is sent before it is asked for something. */
export function etcd2Source(options: Etcd2Options): Etcd2Source {
  return new Etcd2Source(options)
}

const PAGE_ENTRIES = 1_000

/**
 * A file of the directory that no list shows, because of its underscore. The answer to a read of it
 * has the present index, for every user that may read the directory.
 */
const GLANCE = "_headwater?quorum=true"

/**
 * A directory of etcd v2, 3.0 to 3.5, by its keys API. Read-only: v2 has no transactions.
 *
 * A revision is an index of the whole store, and each write has one. Values are text: etcd itself
 * replaces bytes that are not UTF-8. A directory that is deleted is told as one, without what was
 * in it. etcd keeps 1,000 events of the whole store, so a watch that was away for longer has to
 * list again; it tells no progress, and no past state.
 *
 * Its identity is the cluster's id and the prefix. A refresh (`?refresh=true`, which lengthens the
 * life of an entry) raises the entry's index and is told by no watch, so two hubs may hold
 * different indices of one entry: each has an epoch of its own.
 *
 * Cost: a list is one answer, which is parsed in one piece: some 100 ms for 50,000 keys.
 */
export class Etcd2Source implements Source {
  readonly name: string
  /** No watch tells a refresh, which gives an entry a higher index in every list from then on. */
  readonly epochPerHub = true
  readonly #api: KeysApi
  readonly #directory: Directory
  readonly #prefix: string
  readonly #clock: Clock
  readonly #catchUpMs: number
  #clusterId: string | undefined

  /** @throws {SourceError} the prefix does not begin and end with a slash. */
  constructor(options: Etcd2Options) {
    checkOptions("etcd2Source", options, OPTIONS)
    const { endpoints, prefix, clock, catchUpMs = CATCH_UP_MS } = options
    if (!prefix.startsWith("/") || !prefix.endsWith("/")) {
      throw new SourceError(`a directory begins and ends with a slash, unlike "${prefix}"`)
    }
    this.#api = new KeysApi(options)
    this.#directory = new Directory(prefix)
    this.#prefix = prefix
    this.#clock = clock
    this.#catchUpMs = catchUpMs
    const urls = endpoints.map((endpoint) => new URL(endpoint))
    const scheme = urls[0]?.protocol === "https:" ? "etcd2s" : "etcd2"
    this.name = `${scheme}://${urls.map(({ host }) => host).join(",")}${prefix}`
  }

  /** Requests without an answer, and watches that are being read. */
  get open(): number {
    return this.#api.open
  }

  async identity(signal: AbortSignal): Promise<string> {
    const { clusterId } = await this.#glance(signal)
    this.#clusterId = clusterId
    return `etcd2/${clusterId}${this.#prefix}`
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    return (await this.#glance(signal)).index
  }

  /** Lists by a quorum, so that no stale member answers. */
  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    const path = `${this.#directory.path}?recursive=true&quorum=true`
    const answer = await this.#api.get(path, signal)
    const { index: revision, clusterId, body } = answer
    this.#check(answer, request)
    const files = isRefusal(body) ? [].values() : this.#directory.files(body.node)
    const identity = `etcd2/${clusterId}${this.#prefix}`
    for (let more = true; more; ) {
      const entries: Entry[] = []
      const invalid: InvalidEntry[] = []
      while (more && entries.length < PAGE_ENTRIES) {
        const { done, value } = files.next()
        if (done || value === undefined) more = false
        else if ("reason" in value) invalid.push(value)
        else entries.push(value)
      }
      yield { identity, revision, entries, invalid }
      signal.throwIfAborted()
    }
  }

  watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const clusterId = () => this.#clusterId
    const own = { api: this.#api, directory: this.#directory, clock: this.#clock }
    return watchEtcd2({ ...own, clusterId, catchUpMs: this.#catchUpMs }, from, signal)
  }

  async close(): Promise<void> {
    this.#api.close()
  }

  #glance(signal: AbortSignal): Promise<Answer> {
    return this.#api.get(this.#directory.path + GLANCE, signal)
  }

  #check({ index, clusterId, body }: Answer, { at, atLeast = 0 }: ListRequest): void {
    if (this.#clusterId !== undefined && clusterId !== this.#clusterId) {
      throw new SourceError(`cluster ${clusterId} answered, not ${this.#clusterId}`)
    }
    if (isRefusal(body) && body.errorCode !== KEY_ABSENT) {
      throw new SourceError(`etcd refused a list: ${body.errorCode} ${body.message ?? ""}`)
    }
    if (index < atLeast) throw new SourceError(`etcd is at ${index}, not yet at ${atLeast}`)
    if (at !== undefined && at !== index) {
      throw new SourceError(`etcd v2 lists the present alone: it is at ${index}, not at ${at}`)
    }
  }
}
