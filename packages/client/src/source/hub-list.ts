import {
  type Delta,
  type Entry,
  type ListPage,
  type ListRequest,
  SourceError,
} from "@headwater/core"
import { Digest, readStreamId } from "@headwater/protocol"
import type { HubFrame } from "./hub-frames.ts"

/** The entries of one page. */
const PAGE_ENTRIES = 10_000

/**
 * Makes a list of a stream that begins with a snapshot: the state at the first id that satisfies
 * the request, proven by the hub's digest there.
 *
 * Memory: the whole list, as it must be whole before the first page can name its revision.
 *
 * @throws {SourceError} the stream does not satisfy the request, or its digest is not the hub's.
 */
export async function* hubList(
  frames: AsyncIterable<HubFrame>,
  { at, atLeast = 0 }: ListRequest,
): AsyncGenerator<ListPage, void, undefined> {
  let entries = new Map<string, Entry>()
  let epoch = ""
  let isWhole = false
  for await (const frame of frames) {
    if (frame.type === "hello") epoch = frame.epoch
    if (frame.type === "reset") {
      epoch = frame.epoch
      entries = new Map()
      isWhole = false
    }
    if (frame.type === "snapshot") for (const entry of frame.entries) put(entries, entry)
    if (frame.type === "delta") for (const delta of frame.deltas) apply(entries, delta)
    if (frame.type === "goodbye" || frame.type === "fault") break
    if (frame.type === "sync") {
      if (frame.digest) prove(entries, frame.digest)
      isWhole = true
    } else if (frame.type !== "delta" || !isWhole || !frame.id) continue
    const { revision } = readStreamId(frame.id!)!
    if (at !== undefined && revision !== at) {
      throw new SourceError(
        `the hub is at revision ${revision}, and shows no other: ${at} was asked for`,
      )
    }
    if (revision < atLeast) continue
    yield* pagesOf([...entries.values()], epoch, revision)
    return
  }
  throw new SourceError("the stream ended before the list was whole")
}

function* pagesOf(entries: readonly Entry[], identity: string, revision: number) {
  for (let start = 0; start === 0 || start < entries.length; start += PAGE_ENTRIES) {
    const page = entries.slice(start, start + PAGE_ENTRIES)
    yield { identity, revision, entries: page, invalid: [] }
  }
}

function apply(entries: Map<string, Entry>, delta: Delta): void {
  const { key, revision } = delta
  const before = entries.get(key)
  if (delta.op === "put") put(entries, delta)
  else if (before && revision > before.revision) {
    if (delta.op === "delete") entries.delete(key)
    else entries.set(key, { ...before, revision })
  }
}

function put(entries: Map<string, Entry>, { key, value, revision }: Entry): void {
  const before = entries.get(key)
  if (!before || revision > before.revision) entries.set(key, { key, value, revision })
}

function prove(entries: ReadonlyMap<string, Entry>, hub: string): void {
  const digest = new Digest()
  for (const { key, revision } of entries.values()) digest.add(key, revision)
  if (`${digest}` !== hub)
    throw new SourceError(`the list has the digest ${digest}, the hub ${hub}: read it again`)
}
