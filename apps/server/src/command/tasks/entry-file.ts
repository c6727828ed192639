import { rawValues } from "@headwater/client/source"
import { utf8Decoder } from "@headwater/core"
import { isValueKind, type ValueKind } from "@headwater/protocol"
import type { Terminal } from "../../runtime/terminal.ts"
import { TaskError } from "./task-error.ts"

/** The first line of an export: the topic, and the position of all its entries. */
export interface ExportHead {
  readonly type: "head"
  readonly topic: string
  readonly values: ValueKind
  readonly position: string
}

/** A line with an entry. */
export interface EntryLine {
  readonly type: "entry"
  /** The number of the line, from 1. */
  readonly line: number
  readonly key: string
  /** The value as it is spelled in the file. */
  readonly json: string
  readonly revision: number | undefined
}

/** The last line of an export: a file without it was cut off. */
export interface ExportEnd {
  readonly type: "end"
  readonly entries: number
  readonly digest: string | undefined
}

/** A line of a file of entries. */
export type FileLine = ExportHead | EntryLine | ExportEnd

/** The longest line: a value of 16 MiB. */
const LINE_CHARACTERS_MAX = 33_554_432

/**
 * Reads a file of entries, `{ "key", "value" }` a line, in plain text or gzip; `-` is the standard
 * input. An export is such a file, with a first and a last line of its own.
 *
 * @param onBytes gets the bytes read so far, of the file as it is on the disk.
 * @throws {TaskError} the file or a line cannot be read; an export was cut off.
 */
export async function* readEntryFile(
  path: string,
  terminal: Terminal,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<FileLine, void, undefined> {
  const named = path === "-" ? "the standard input" : path
  const chunks = counted(path === "-" ? terminal.input() : terminal.readFile(path), onBytes)
  let line = 0
  let hasHead = false
  let end: ExportEnd | undefined
  let entries = 0
  try {
    for await (const text of linesOf(expanded(chunks, terminal))) {
      line += 1
      if (text.trim() === "") continue
      const read = readLine(text, line, named)
      if (read.type === "head") hasHead = true
      if (read.type === "entry") entries += 1
      if (read.type === "end") end = read
      yield read
    }
  } catch (cause) {
    if (cause instanceof TaskError) throw cause
    const { code, message } = cause as { code?: string; message: string }
    const reason = code === "ENOENT" ? "there is no such file" : message
    throw new TaskError(`${named} cannot be read: ${reason}`)
  }
  if (hasHead && end?.entries !== entries) {
    throw new TaskError(
      `${named} was cut off: it has ${entries} entries and ` +
        (end ? `says that it has ${end.entries}` : "no last line"),
    )
  }
}

async function* counted(chunks: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void) {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    onBytes(bytes)
    yield chunk
  }
}

// The first two bytes show gzip, so that a pipe needs no name.
async function* expanded(
  chunks: AsyncGenerator<Uint8Array>,
  terminal: Terminal,
): AsyncGenerator<Uint8Array> {
  let first = new Uint8Array()
  for await (const chunk of iterate(chunks)) {
    first = joined(first, chunk)
    if (first.length >= 2) break
  }
  const whole = (async function* () {
    if (first.length > 0) yield first
    yield* chunks
  })()
  if (first[0] === 0x1f && first[1] === 0x8b) yield* terminal.gunzip(whole)
  else yield* whole
}

// Leaving a loop over a generator would close it.
async function* iterate(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = utf8Decoder()
  let rest = ""
  for await (const chunk of chunks) {
    const [first, ...lines] = decoder.decode(chunk, { stream: true }).split("\n")
    rest += first
    for (const line of lines) {
      yield rest
      rest = line
    }
    if (rest.length > LINE_CHARACTERS_MAX) {
      throw new TaskError(`a line is longer than ${LINE_CHARACTERS_MAX} characters`)
    }
  }
  rest += decoder.decode()
  if (rest !== "") yield rest
}

function readLine(text: string, line: number, named: string): FileLine {
  const wrong = (reason: string) => new TaskError(`${named}, line ${line}: ${reason}`)
  let fields: Record<string, unknown>
  try {
    fields = JSON.parse(text)
  } catch {
    throw wrong(`this is not JSON: ${JSON.stringify(text.slice(0, 60))}`)
  }
  const { key, revision, topic, values, position, end, entries, digest } = fields ?? {}
  if (typeof key === "string" && key !== "") {
    const json = rawValues(`{"entries":[${text}]}`, "entries")[0]
    if (json === undefined) throw wrong(`the entry ${JSON.stringify(key)} has no value`)
    const isNumber = typeof revision === "number"
    return { type: "entry", line, key, json, revision: isNumber ? revision : undefined }
  }
  if (line === 1 && typeof topic === "string" && typeof position === "string") {
    const kind = isValueKind(values) ? values : "json"
    return { type: "head", topic, position, values: kind }
  }
  if (end === true && typeof entries === "number") {
    return { type: "end", entries, digest: typeof digest === "string" ? digest : undefined }
  }
  throw wrong(`a line is an object such as {"key":"a","value":1}`)
}
