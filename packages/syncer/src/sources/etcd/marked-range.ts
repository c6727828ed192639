import { SourceError } from "@headwater/core"
import { type EpochMarker, idIn } from "./epoch-marker.ts"
import type { Gateway } from "./gateway.ts"
import type { Header } from "./messages.ts"
import { PairReader } from "./pair-reader.ts"
import { type SplitAnswer, splitAnswerOf } from "./split-answer.ts"

/** A range of entries, and what stood in the marker when it was read. */
export interface MarkedRange {
  /** Of the whole answer: the present revision, whichever the range was asked for. */
  readonly header: Header
  /** The entries, unread. */
  readonly pairs: PairReader
  /** True when the range goes on after them. */
  readonly more: boolean
  /** Absent without a marker, and where none stands there. */
  readonly id: string | undefined
}

/**
 * Reads a range and the marker in one transaction, so that the one proves whose the other is. The
 * marker is read at present, also where the range is of the past: within an epoch that is the same
 * for all.
 *
 * @param range a `RangeRequest` of etcd's.
 * @throws {SourceError} no endpoint answers it.
 */
export async function readMarkedRange(
  { gateway, marker }: { readonly gateway: Gateway; readonly marker: EpochMarker | undefined },
  range: { readonly key: string; readonly serializable?: boolean },
  timeoutMs: number,
  signal: AbortSignal,
): Promise<MarkedRange> {
  if (marker === undefined) {
    const request = { path: "/v3/kv/range", body: range, timeoutMs }
    const split = await gateway.readBy(splitAnswerOf<SplitRange>, request, signal)
    return { header: split.answer.header, ...rangeIn(split, split.answer), id: undefined }
  }
  const { serializable = false } = range
  const own = { key: marker.key64, serializable }
  const body = { success: [{ request_range: own }, { request_range: range }] }
  const request = { path: "/v3/kv/txn", body, timeoutMs }
  const split = await gateway.readBy(splitAnswerOf<SplitTxn>, request, signal)
  const { header, responses: [marked, answer] = [] } = split.answer
  const [mark] = rangeIn(split, marked?.response_range).pairs.next() ?? []
  const id = mark && idIn(mark.value)
  if (id !== undefined && !serializable) marker.note(id, Number(header.revision ?? 0))
  return { header, ...rangeIn(split, answer?.response_range), id }
}

interface SplitRange {
  readonly header: Header
  /** The index of its entries in `SplitAnswer.arrays`. */
  readonly kvs?: readonly number[]
  readonly more?: boolean
}

interface SplitTxn {
  readonly header: Header
  readonly responses?: readonly { readonly response_range?: SplitRange }[]
}

function rangeIn(
  { arrays }: SplitAnswer<unknown>,
  range: SplitRange | undefined,
): Pick<MarkedRange, "pairs" | "more"> {
  const { kvs, more = false } = range ?? {}
  if (range && kvs === undefined) return { pairs: new PairReader([]), more }
  const chunks = Array.isArray(kvs) ? arrays[kvs[0]] : undefined
  // Never to take for an empty range what was not understood: everything would be deleted.
  if (chunks === undefined) throw new SourceError("etcd answered what is not a range")
  return { pairs: new PairReader(chunks), more }
}
