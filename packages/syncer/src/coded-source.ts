import {
  type Change,
  type Commit,
  type Condition,
  checkOptions,
  functionRule,
  type InvalidEntry,
  type ListPage,
  type ListRequest,
  type OptionRules,
  objectRule,
  type Revision,
  required,
  type Source,
  type WatchEvent,
  type WriteRequest,
} from "@headwater/core"
import { mapSource } from "./map-source.ts"

/**
 * Conversion of a source's keys and values into a topic's, and back. Pure: the same for the same
 * input, or positions mean nothing; so its name and version belong in `SyncerOptions.epochSalt`.
 *
 * `decode` throws for what cannot be read: that entry is then absent, and reported with the error's
 * message, and nothing else is touched by it. `encode` throws for what cannot be written.
 */
export interface Codec {
  /** `decode` answers nothing for a key that is not of the topic. One to one for all others. */
  readonly key?: { decode(key: string): string | undefined; encode(key: string): string }
  /** Given the key as the source has it. */
  readonly value?: {
    decode(value: Uint8Array, key: string): Uint8Array
    encode(value: Uint8Array, key: string): Uint8Array
  }
}

const CODEC: OptionRules<Codec> = { key: objectRule, value: objectRule }
const PART = { decode: required(functionRule), encode: required(functionRule) }

/**
 * A source seen through a codec. Order, revisions and identity are those of the source below.
 *
 * A key becomes one key or none, never several: which keys an old value had become would have to be
 * remembered for its delete. Source: Typha's update processors, and its parse failures.
 */
export function codedSource(source: Source, codec: Codec): Source {
  checkOptions("codedSource", codec, CODEC)
  for (const part of [codec.key, codec.value]) {
    if (part !== undefined) checkOptions("codedSource", part, PART)
  }
  const { write } = source
  return mapSource(source, {
    // What is shown depends on the codec, so the identity alone is no epoch of it.
    namesEpochs: undefined,
    async *list(request: ListRequest, signal: AbortSignal) {
      for await (const page of source.list(request, signal)) yield decodePage(page, codec)
    },
    async *watch(from: Revision, signal: AbortSignal) {
      for await (const event of source.watch(from, signal)) yield decodeEvent(event, codec)
    },
    ...(write && {
      async write(request: WriteRequest, signal: AbortSignal) {
        const outcome = await write.call(source, encodeRequest(request, codec), signal)
        if (outcome.written) return outcome
        const failed = outcome.failed.map(({ key, revision }) => {
          return { key: codec.key?.decode(key) ?? key, revision }
        })
        return { ...outcome, failed }
      },
    }),
  })
}

function decodePage(page: ListPage, codec: Codec): ListPage {
  const invalid = [...page.invalid]
  const entries = page.entries.flatMap(({ key, value, revision }) => {
    const put = decode({ op: "put", key, value }, codec, invalid)
    return put?.op === "put" ? [{ key: put.key, value: put.value, revision }] : []
  })
  return { ...page, entries, invalid }
}

function decodeEvent(event: WatchEvent, codec: Codec): WatchEvent {
  if (event.type !== "commits") return event
  return { type: "commits", commits: event.commits.map((commit) => decodeCommit(commit, codec)) }
}

function decodeCommit(commit: Commit, codec: Codec): Commit {
  const invalid = [...(commit.invalid ?? [])]
  const gone = [...(commit.gone ?? [])]
  const changes = commit.changes.flatMap((change) => decode(change, codec, invalid, gone) ?? [])
  const { revision, directories } = commit
  const named = directories?.flatMap((name) => (name === "" ? "" : keyOf(name, codec, [])) ?? [])
  return {
    revision,
    changes,
    ...(invalid.length > 0 && { invalid }),
    ...(gone.length > 0 && { gone }),
    ...(named && { directories: named }),
  }
}

// A value that cannot be read is reported under the topic's key; the entry is then absent.
function decode(
  change: Change,
  codec: Codec,
  invalid: InvalidEntry[],
  gone: string[] = [],
): Change | undefined {
  const isDelete = change.op === "delete"
  const key = keyOf(change.key, codec, isDelete ? [] : invalid)
  if (key === undefined) {
    if (isDelete) gone.push(change.key)
    return undefined
  }
  if (change.op === "delete" || codec.value === undefined) return { ...change, key }
  try {
    return { op: "put", key, value: codec.value.decode(change.value, change.key) }
  } catch (error) {
    invalid.push({ key, reason: reasonOf(error) })
    return undefined
  }
}

function keyOf(key: string, { key: codec }: Codec, invalid: InvalidEntry[]): string | undefined {
  if (codec === undefined) return key
  try {
    return codec.decode(key)
  } catch (error) {
    invalid.push({ key, reason: reasonOf(error), id: key })
    return undefined
  }
}

function encodeRequest(request: WriteRequest, codec: Codec): WriteRequest {
  const encoded = (key: string) => codec.key?.encode(key) ?? key
  const conditions: Condition[] = request.conditions.map((condition) => {
    return { ...condition, key: encoded(condition.key) }
  })
  const changes: Change[] = request.changes.map((change) => {
    const key = encoded(change.key)
    if (change.op === "delete" || codec.value === undefined) return { ...change, key }
    return { ...change, key, value: codec.value.encode(change.value, key) }
  })
  return { conditions, changes }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
