import { type EpochMarker, idOf } from "./epoch-marker.ts"
import type { Gateway } from "./gateway.ts"
import type { Header, RangeAnswer, TxnAnswer } from "./messages.ts"

/** A range of entries, and what stood in the marker when it was read. */
export interface MarkedRange {
  /** Of the whole answer: the present revision, whichever the range was asked for. */
  readonly header: Header
  readonly range: Omit<RangeAnswer, "header">
  /** Absent without a marker, and where none stands there. */
  readonly id: string | undefined
}

/**
 * Reads a range and the marker in one transaction, so that the one proves whose the other is. The
 * marker is read at present, also where the range is of the past: within a life that is the same
 * for all.
 *
 * @param range a `RangeRequest` of etcd's.
 * @throws {SourceError} no endpoint answers it.
 */
export async function readMarkedRange(
  gateway: Gateway,
  marker: EpochMarker | undefined,
  range: { readonly key: string; readonly serializable?: boolean },
  signal: AbortSignal,
): Promise<MarkedRange> {
  if (marker === undefined) {
    const answer = await gateway.read<RangeAnswer>("/v3/kv/range", range, signal)
    return { header: answer.header, range: answer, id: undefined }
  }
  const { serializable = false } = range
  const own = { key: marker.key64, serializable }
  const txn = { success: [{ request_range: own }, { request_range: range }] }
  const { header, responses } = await gateway.read<TxnAnswer>("/v3/kv/txn", txn, signal)
  const [marked, answer] = responses ?? []
  const id = idOf(marked?.response_range?.kvs)
  if (id !== undefined && !serializable) marker.note(id, Number(header.revision ?? 0))
  return { header, range: answer?.response_range ?? {}, id }
}
