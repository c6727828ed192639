import type {
  Clock,
  ListPage,
  ListRequest,
  Revision,
  Source,
  WatchEvent,
  WriteOutcome,
  WriteRequest,
} from "@headwater/core"
import { Gateway } from "./gateway.ts"
import { KeySpace } from "./key-space.ts"
import { listEtcd } from "./list.ts"
import { type RangeAnswer, revisionOf } from "./messages.ts"
import { watchEtcd } from "./watch.ts"
import { writeEtcd } from "./write.ts"

/** Which keys of which etcd, and how it is reached. */
export interface EtcdOptions {
  /** `http://HOST:PORT` of one or more members of one cluster; the first is asked first. */
  readonly endpoints: readonly string[]
  /** Keys are those that begin with it, without it; `""` is all of them. */
  readonly prefix: string
  /** Whether it can be written. It cannot by default. */
  readonly write?: boolean
  readonly username?: string
  readonly password?: string
  /** The platform's by default. */
  readonly fetch?: typeof fetch
  readonly clock: Clock
}

/** Makes an `EtcdSource`. Nothing is sent before it is asked for something. */
export function etcdSource(options: EtcdOptions): EtcdSource {
  return new EtcdSource(options)
}

/**
 * A prefix of etcd v3, 3.4 or later, by its JSON gateway: nothing but `fetch` is needed.
 *
 * Its identity is the cluster's id and the prefix. That proves little: a cluster that was wiped or
 * restored under its old name and token keeps its id. A syncer finds that out by the revision.
 *
 * Cost: a list is one request for about 512 KiB of entries; a change is one line of JSON, whose
 * values are a third longer in base64.
 */
export class EtcdSource implements Source {
  readonly name: string
  /** Absent where the source is read-only. */
  readonly write?: (request: WriteRequest, signal: AbortSignal) => Promise<WriteOutcome>
  readonly #gateway: Gateway
  readonly #keys: KeySpace
  readonly #prefix: string
  readonly #clock: Clock
  #clusterId: string | undefined

  constructor(options: EtcdOptions) {
    const { endpoints, prefix, clock } = options
    this.#gateway = new Gateway(options)
    this.#keys = new KeySpace(prefix)
    this.#prefix = prefix
    this.#clock = clock
    this.name = nameOf(endpoints, prefix)
    if (options.write) {
      this.write = (request, signal) => writeEtcd(this.#gateway, this.#keys, request, signal)
    }
  }

  /** Requests without an answer, and watches that are being read. */
  get open(): number {
    return this.#gateway.open
  }

  async identity(signal: AbortSignal): Promise<string> {
    const { header } = await this.#glance(signal)
    this.#clusterId = header.cluster_id
    return `etcd/${header.cluster_id}/${this.#prefix}`
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    return revisionOf((await this.#glance(signal)).header.revision)
  }

  list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    return listEtcd(this.#context(), request, signal)
  }

  watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    return watchEtcd({ ...this.#context(), clock: this.#clock }, from, signal)
  }

  async close(): Promise<void> {
    this.#gateway.close()
  }

  #context() {
    const clusterId = () => this.#clusterId
    return { gateway: this.#gateway, keys: this.#keys, clusterId }
  }

  // The least that is linearizable: one key, which need not exist, and which whoever may read the
  // prefix may read.
  #glance(signal: AbortSignal): Promise<RangeAnswer> {
    const range = { key: this.#keys.rangeStart, keys_only: true }
    return this.#gateway.read<RangeAnswer>("/v3/kv/range", range, signal)
  }
}

function nameOf(endpoints: readonly string[], prefix: string): string {
  const urls = endpoints.map((endpoint) => new URL(endpoint))
  const scheme = urls[0]?.protocol === "https:" ? "etcds" : "etcd"
  return `${scheme}://${urls.map(({ host }) => host).join(",")}${prefix}`
}
