// What etcd's gateway answers, as far as it is read here. 64-bit integers are strings, bytes are
// base64, and zero values are left out. Source: etcd's rpc.proto and kv.proto.

import { isRevision, type Revision, SourceError } from "@headwater/core"

export interface Header {
  readonly cluster_id?: string
  readonly revision?: string
}

export interface KeyValue {
  readonly key: string
  readonly value?: string
  readonly mod_revision?: string
}

export interface RangeAnswer {
  readonly header: Header
  readonly kvs?: readonly KeyValue[]
  readonly more?: boolean
}

export interface TxnAnswer {
  readonly header: Header
  readonly succeeded?: boolean
  readonly responses?: readonly { readonly response_range?: RangeAnswer }[]
}

export interface LeaseAnswer {
  readonly header: Header
  readonly ID?: string
}

export interface WatchEventMessage {
  readonly type?: "DELETE"
  readonly kv: KeyValue
}

export interface WatchAnswer {
  readonly header: Header
  /** Of several watches on one stream; left out for the first. */
  readonly watch_id?: string
  readonly created?: boolean
  readonly canceled?: boolean
  readonly compact_revision?: string
  readonly cancel_reason?: string
  readonly fragment?: boolean
  readonly events?: readonly WatchEventMessage[]
}

/** One line of a stream. */
export interface WatchLine {
  readonly result?: WatchAnswer
  readonly error?: { readonly message?: string }
}

/** A revision as etcd writes it; 0 when it left it out. */
export function revisionOf(text: string | undefined): Revision {
  const revision = Number(text ?? 0)
  if (!isRevision(revision)) throw new SourceError(`etcd's revision ${text} is beyond 2^53`)
  return revision
}
