import { once } from "node:events"
import type { ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"
import { encodeFrame, encodeSnapshotFrame } from "@headwater/protocol"
import { Entries } from "../entries.ts"
import { STREAM_HEADERS } from "./control.ts"
import { isNode, serveFetch, serveNode } from "./serve-fetch.ts"

const FRAME_CHARACTERS = 65_000
const POSITION = "0123456789abcdefghijkl"
const utf8 = new TextEncoder()
const text = new TextDecoder()

/** As our hub deflates. */
const GZIP_LEVEL = 3

/** The encoding of frames: once for all readers, for each, or for each and then in gzip. */
export type JoiningWay = "once" | "each" | "each, gzip"

/** Frames, whole or compressed, one at a time. */
type Frames = Iterator<Uint8Array, void>

/** Serves a snapshot to each joining reader, and counts the entries that it encodes. */
export interface Joining {
  /** Entries encoded so far. */
  encoded(): number
  /** Starts it. Resolves with its URL. */
  serve(): Promise<string>
}

/**
 * A server that holds entries in a `Map`, values as bytes, and writes all of them to each reader
 * that joins, a frame when the one before was taken. In gzip it ends the answer then, so that a
 * reader that does not inflate it knows.
 */
export function joiningServer(size: number, seed: number, way: JoiningWay): Joining {
  const entries = new Entries(seed)
  const held = new Map<string, { value: Uint8Array; revision: number }>()
  for (let index = 0; index < size; index++) {
    held.set(entries.keyAt(index), { value: entries.valueAt(index), revision: index + 2 })
  }
  let encoded = 0
  function* encode(): Generator<Uint8Array, void> {
    let body = ""
    for (const [key, { value, revision }] of held) {
      const json = `{"key":${JSON.stringify(key)},"value":${text.decode(value)}`
      body += `${body === "" ? "" : ","}${json},"revision":${revision}}`
      encoded++
      if (body.length < FRAME_CHARACTERS) continue
      yield encodeSnapshotFrame(utf8.encode(body))
      body = ""
    }
    if (body !== "") yield encodeSnapshotFrame(utf8.encode(body))
    const revision = size + 1
    yield encodeFrame({ type: "sync", revision, entries: size, id: `${POSITION}.${revision}` })
  }
  let shared: readonly Uint8Array[] | undefined
  const frames = (): Frames => {
    if (way === "each, gzip") return zipped(encode())
    if (way === "each") return encode()
    shared ??= [...encode()]
    return shared.values()
  }
  const zips = way === "each, gzip"
  const serve = () => (isNode() ? onNode(frames, zips) : onWeb(frames, zips))
  return { encoded: () => encoded, serve }
}

/** Each frame as a member of its own: what compressing for each connection costs at the least. */
function* zipped(frames: Iterable<Uint8Array>): Generator<Uint8Array, void> {
  for (const frame of frames) yield gzipSync(frame, { level: GZIP_LEVEL })
}

function headersFor(zips: boolean): Record<string, string> {
  return zips ? { ...STREAM_HEADERS, "content-encoding": "gzip" } : STREAM_HEADERS
}

function onNode(frames: () => Frames, zips: boolean): Promise<string> {
  return serveNode(async (_, response: ServerResponse) => {
    response.writeHead(200, headersFor(zips))
    const iterator = frames()
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      if (response.write(next.value)) continue
      if (response.destroyed) return
      await Promise.race([once(response, "drain"), once(response, "close")])
    }
    if (zips) response.end()
  })
}

function onWeb(frames: () => Frames, zips: boolean): Promise<string> {
  return serveFetch(() => {
    const iterator = frames()
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const next = iterator.next()
          if (!next.done) controller.enqueue(next.value)
          else if (zips) controller.close()
          // The stream stays open, as one that follows would.
          else await new Promise(() => {})
        },
      },
      { highWaterMark: 0 },
    )
    return new Response(body, { headers: headersFor(zips) })
  })
}
