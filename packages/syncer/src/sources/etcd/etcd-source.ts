import {
  booleanRule,
  type Clock,
  checkOptions,
  integerRule,
  type ListPage,
  type ListRequest,
  type OptionRules,
  oneOfRule,
  type Revision,
  required,
  type Source,
  type WatchEvent,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import { anyTextRule, ETCD_RULES } from "../etcd-options.ts"
import type { Secret } from "../secret.ts"
import { EpochMarker } from "./epoch-marker.ts"
import { Gateway } from "./gateway.ts"
import { oldestOf } from "./history.ts"
import { KeySpace } from "./key-space.ts"
import { type ListPace, listEtcd } from "./list.ts"
import { type Header, type RangeAnswer, revisionOf } from "./messages.ts"
import { watchEtcd } from "./watch.ts"
import { writeEtcd, writeWithTtl } from "./write.ts"

/** Which keys of which etcd, and how it is reached. */
export interface EtcdOptions {
  /** `http://HOST:PORT` of one or more members of one cluster; the first is asked first. */
  readonly endpoints: readonly string[]
  /** Keys are those that begin with it, without it; `""` is all of them. */
  readonly prefix: string
  /** True makes the source writable; `false` by default. */
  readonly write?: boolean
  /**
   * True: a key under `/headwater/epoch/` names this epoch of its history: see `EpochMarker`. As
   * `write` by default. That key is written, also where the prefix is not.
   */
  readonly marker?: boolean
  /**
   * The members that may answer a list: `linearizable`, the default, goes through the leader;
   * `serializable` lets any member answer by what it has, unless that is behind. Everything else is
   * linearizable.
   */
  readonly reads?: "linearizable" | "serializable"
  /**
   * Most revisions that a starting hub goes back before the present one, where etcd still has them;
   * 20,000 by default, 0 for none. See `Source.oldest`.
   */
  readonly historyRevisionsMax?: number
  readonly username?: string
  readonly password?: Secret
  /** The platform's by default; another one for a CA or a certificate of one's own. */
  readonly fetch?: typeof fetch
  readonly clock: Clock
}

/** A deploy of ten seconds under 2,000 writes a second; read again in about a second. */
const HISTORY_REVISIONS_MAX = 20_000

const OPTIONS: OptionRules<EtcdOptions> = {
  ...ETCD_RULES,
  prefix: required(anyTextRule),
  write: booleanRule,
  marker: booleanRule,
  reads: oneOfRule("linearizable", "serializable"),
  historyRevisionsMax: integerRule(0),
}

/** Makes an `EtcdSource`. Nothing is sent before it is asked for something. */
export function etcdSource(options: EtcdOptions): EtcdSource {
  return new EtcdSource(options)
}

/**
 * A prefix of etcd v3, 3.4 or later, by its JSON gateway: nothing but `fetch` is needed.
 *
 * Its identity is the cluster's id and the prefix, and with a marker, the marker's id. Without one
 * that proves little: a cluster that was wiped or restored under its old name and token keeps its
 * id, which a syncer finds out by the revision, and only while that is lower.
 *
 * Cost: a list is one request for about 4 MiB of JSON, which is decoded in slices; a change is one
 * line of JSON, whose values are a third longer in base64.
 */
export class EtcdSource implements Source {
  readonly name: string
  /** Absent where the source is read-only. */
  readonly write?: (request: WriteRequest, signal: AbortSignal) => Promise<WriteOutcome>
  /**
   * Writes what is deleted again after `ttlMs`, rounded up to seconds: each call has a lease of its
   * own. Absent where the source is read-only.
   */
  readonly writeWithTtl?: (
    request: WriteRequest,
    ttlMs: number,
    signal: AbortSignal,
  ) => Promise<WriteOutcome>
  readonly #gateway: Gateway
  readonly #keys: KeySpace
  readonly #options: EtcdOptions
  readonly #marker: EpochMarker | undefined
  readonly #pace: ListPace = { factor: 1 }
  #clusterId: string | undefined

  /** @throws {OptionError} an option is unknown, is missing, or makes no sense. */
  constructor(options: EtcdOptions) {
    checkOptions("etcdSource", options, OPTIONS)
    const { endpoints, prefix, write, marker = write } = options
    const gateway = new Gateway(options)
    const keys = new KeySpace(prefix)
    this.#gateway = gateway
    this.#keys = keys
    this.#options = options
    this.#marker = marker ? new EpochMarker(gateway, prefix) : undefined
    this.name = nameOf(endpoints, prefix)
    if (!write) return
    this.write = (request, signal) => writeEtcd(gateway, keys, request, signal)
    this.writeWithTtl = (request, ttlMs, signal) =>
      writeWithTtl(gateway, keys, request, ttlMs, signal)
  }

  /** Requests without an answer, and watches that are being read. */
  get open(): number {
    return this.#gateway.open
  }

  async identity(signal: AbortSignal): Promise<string> {
    const mark = await this.#marker?.read(signal)
    this.#clusterId = mark ? mark.clusterId : (await this.#glance(signal)).header.cluster_id
    return this.#identityOf(this.#clusterId, mark?.id)
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    return revisionOf((await this.#glance(signal)).header.revision)
  }

  async oldest(signal: AbortSignal): Promise<Revision> {
    const { historyRevisionsMax = HISTORY_REVISIONS_MAX } = this.#options
    const context = { ...this.#context(), historyRevisionsMax }
    return oldestOf(context, await this.revision(signal), signal)
  }

  /** Costs etcd a look at every entry of the prefix. */
  async lastChange(signal: AbortSignal): Promise<Revision> {
    const { rangeStart: key, rangeEnd: range_end } = this.#keys
    const newest = { sort_order: "DESCEND", sort_target: "MOD", limit: "1", keys_only: true }
    const range = { key, range_end, ...newest }
    const { kvs } = await this.#gateway.read<RangeAnswer>("/v3/kv/range", range, signal)
    return revisionOf(kvs?.[0]?.mod_revision)
  }

  list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    const context = {
      ...this.#context(),
      serializable: this.#options.reads === "serializable",
      pace: this.#pace,
      identityOf: (clusterId?: string, id?: string) => this.#identityOf(clusterId, id),
    }
    return listEtcd(context, request, signal)
  }

  watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    return watchEtcd(this.#context(), from, signal)
  }

  async close(): Promise<void> {
    this.#gateway.close()
  }

  #context() {
    return {
      gateway: this.#gateway,
      keys: this.#keys,
      clock: this.#options.clock,
      marker: this.#marker,
      clusterId: () => this.#clusterId,
    }
  }

  #identityOf(clusterId: string | undefined, id: string | undefined): string {
    const epochId = this.#marker ? `${clusterId}/${id}` : clusterId
    return `etcd/${epochId}/${this.#options.prefix}`
  }

  // The least that is linearizable: one key, which need not exist, and which every user that may
  // read the prefix may read.
  async #glance(signal: AbortSignal): Promise<{ readonly header: Header }> {
    const range = { key: this.#keys.rangeStart, keys_only: true }
    return this.#gateway.read<RangeAnswer>("/v3/kv/range", range, signal)
  }
}

function nameOf(endpoints: readonly string[], prefix: string): string {
  const urls = endpoints.map((endpoint) => new URL(endpoint))
  const scheme = urls[0]?.protocol === "https:" ? "etcds" : "etcd"
  return `${scheme}://${urls.map(({ host }) => host).join(",")}${prefix}`
}
