import { decodeBase64, decodeUtf8, encodeBase64, type Revision, SourceError } from "@headwater/core"
import { epochOf } from "../../epoch.ts"
import type { Gateway } from "./gateway.ts"
import {
  type Header,
  type KeyValue,
  type RangeAnswer,
  revisionOf,
  type TxnAnswer,
} from "./messages.ts"

/** The marker's id, and the cluster and revision at which it was read. */
export interface Mark {
  readonly id: string
  readonly clusterId: string | undefined
  readonly revision: Revision
}

/**
 * A key of etcd with a random id, one for each prefix, that names an epoch of its history
 * where etcd's own ids do not: a cluster that was wiped or restored under its old name and token
 * keeps them.
 *
 *   absent               the first hub makes one
 *   history went back    a hub that saw a higher revision replaces it, by compare-and-set
 *   changed              another epoch: a hub that followed the old one starts anew
 *   deleted in a watch   put back as it was: the history is the same
 *
 * An id is never used twice, and only what is linearizable is taken for the present: so a revision
 * below one that was seen in the same epoch is never a late answer.
 *
 * Decision: docs/decisions/sources.md, “The epoch of an etcd has its name in etcd”.
 */
export class EpochMarker {
  /** The key in etcd, and its base64. */
  readonly key: string
  readonly key64: string
  readonly #gateway: Gateway
  #mark: Mark | undefined
  /** The highest revision that was seen in the epoch of `#mark`. */
  #reached: Revision = 0

  constructor(gateway: Gateway, prefix: string) {
    this.#gateway = gateway
    this.key = `/headwater/epoch/${epochOf({ identity: prefix }, "marker")}`
    this.key64 = encodeBase64(utf8.encode(this.key))
  }

  /** The marker as last read or observed. */
  get mark(): Mark | undefined {
    return this.#mark
  }

  /** Takes note of a revision that was seen in the epoch of `id`. */
  note(id: string, revision: Revision): void {
    if (id === this.#mark?.id) this.#reached = Math.max(this.#reached, revision)
  }

  /**
   * Reads it, linearizable; makes it, or replaces it, where that is due.
   *
   * @throws {SourceError} etcd does not answer, or refuses that it is made.
   */
  async read(signal: AbortSignal): Promise<Mark> {
    // As they are before the question: an answer is older than what is heard while it comes.
    const before = this.#mark
    const reached = this.#reached
    const range = { key: this.key64 }
    const answer = await this.#gateway.read<RangeAnswer>("/v3/kv/range", range, signal)
    const found = idOf(answer.kvs)
    if (found === undefined) return this.#put(undefined, crypto.randomUUID(), signal)
    const isSame = found === before?.id && answer.header.cluster_id === before.clusterId
    if (isSame && revisionOf(answer.header.revision) < reached) {
      return this.#put(found, crypto.randomUUID(), signal)
    }
    return this.#believe(found, answer.header)
  }

  /** Puts it back as it was, where none stands there; resolves with what stands there then. */
  async putBack(id: string, signal: AbortSignal): Promise<Mark> {
    return this.#put(undefined, id, signal)
  }

  async #put(before: string | undefined, id: string, signal: AbortSignal): Promise<Mark> {
    const key = this.key64
    const compare =
      before === undefined
        ? { key, target: "CREATE", result: "EQUAL", create_revision: "0" }
        : { key, target: "VALUE", result: "EQUAL", value: encodeBase64(utf8.encode(before)) }
    const txn = {
      compare: [compare],
      success: [{ request_put: { key, value: encodeBase64(utf8.encode(id)) } }],
      failure: [{ request_range: { key } }],
    }
    const answer = await this.#gateway.write<TxnAnswer>("/v3/kv/txn", txn, signal)
    const standing = answer.succeeded ? id : idOf(answer.responses?.[0]?.response_range?.kvs)
    if (standing === undefined) throw new SourceError(`${this.key} comes and goes`)
    return this.#believe(standing, answer.header)
  }

  #believe(id: string, header: Header): Mark {
    const mark = { id, clusterId: header.cluster_id, revision: revisionOf(header.revision) }
    const isSame = id === this.#mark?.id && mark.clusterId === this.#mark.clusterId
    if (!isSame) this.#reached = 0
    this.#reached = Math.max(this.#reached, mark.revision)
    this.#mark = mark
    return mark
  }
}

/** The id in what a range over the marker's key found. */
export function idOf(kvs: readonly KeyValue[] | undefined): string | undefined {
  const kv = kvs?.[0]
  return kv && decodeUtf8(decodeBase64(kv.value ?? ""))
}

/** The id that the marker's value is. */
export function idIn(value: Uint8Array): string {
  return decodeUtf8(value)
}

const utf8 = new TextEncoder()
