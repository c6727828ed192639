import { connect, type Socket } from "node:net"
import { constants, gunzipSync } from "node:zlib"
import { WrongAnswerError } from "../wrong-answer.ts"

/** Timeout until every reader has a change, in ms. */
const DELIVERY_MS_MAX = 20_000

/** Sockets that are opened at once, so that no accept queue runs over. */
const OPENING_MAX = 50

/** Bytes of a part that are kept for the next one: no mark is longer. */
const MARK_BYTES_MAX = 64

/** Options of the readers. */
export interface ReadersOptions {
  /** The readers that keep their bytes, for `bodies`; all by default. */
  readonly keep?: (index: number) => boolean
  /** True when readers ask for gzip. Marks are searched in the bytes as they are sent. */
  readonly gzip?: boolean
}

/**
 * Many readers of one stream, over bare sockets: a reader costs little here, so that what is
 * measured is the server. They look for marks in what arrives, and keep it; what it was is checked
 * afterwards.
 */
export class Readers {
  readonly #readers: Reader[] = []
  #missing = 0
  #allHave = () => {}

  /** Opens `count` readers of a URL, some at a time, and waits until each has the mark. */
  static async open(
    url: string,
    count: number,
    mark: string,
    options: ReadersOptions = {},
  ): Promise<Readers> {
    const readers = new Readers()
    for (let from = 0; from < count; from += OPENING_MAX) {
      const more = await readers.#connect(url, Math.min(OPENING_MAX, count - from), options)
      for (const reader of more) reader.ask()
      await readers.#waitFor(mark, more, DELIVERY_MS_MAX)
    }
    return readers
  }

  /** Connects `count` readers that ask for nothing yet. */
  static async connect(url: string, count: number, options: ReadersOptions = {}): Promise<Readers> {
    const readers = new Readers()
    for (let from = 0; from < count; from += OPENING_MAX) {
      await readers.#connect(url, Math.min(OPENING_MAX, count - from), options)
    }
    return readers
  }

  /** Has all of them ask at once. Resolves when every one has a mark: see `have`. */
  async ask(mark: string, withinMs: number): Promise<readonly number[]> {
    for (const reader of this.#readers) reader.ask()
    return await this.have(mark, withinMs)
  }

  /** Resolves, once every reader has a mark, with the times at which it came, on our clock. */
  async have(mark: string, withinMs = DELIVERY_MS_MAX): Promise<readonly number[]> {
    await this.#waitFor(mark, this.#readers, withinMs)
    return this.#readers.map(({ foundAt }) => foundAt)
  }

  /** The body of each reader that keeps its bytes, without the frames of its chunks. */
  bodies(): readonly string[] {
    return this.#readers.filter(({ keeps }) => keeps).map((reader) => reader.body())
  }

  /** Bytes that each reader was sent. */
  bytes(): readonly number[] {
    return this.#readers.map(({ bytes }) => bytes)
  }

  /** From now on none of them reads: what is sent fills the kernel, and then the server. */
  stall(): void {
    for (const reader of this.#readers) reader.stall()
  }

  /** They read on. */
  goOn(): void {
    for (const reader of this.#readers) reader.goOn()
  }

  /** Closes all of them. */
  close(): void {
    for (const reader of this.#readers) reader.close()
  }

  async #connect(url: string, count: number, options: ReadersOptions): Promise<Reader[]> {
    const { keep, gzip = false } = options
    const more = Array.from({ length: count }, (_, index) => {
      const keeps = keep?.(this.#readers.length + index) ?? true
      return new Reader(url, { keeps, gzip, onFound: () => this.#found() })
    })
    this.#readers.push(...more)
    await Promise.all(more.map((reader) => reader.connected))
    return more
  }

  async #waitFor(mark: string, readers: readonly Reader[], withinMs: number): Promise<void> {
    this.#missing = readers.length
    const all = new Promise<void>((resolve) => {
      this.#allHave = resolve
    })
    const bytes = Buffer.from(mark)
    for (const reader of readers) reader.expect(bytes)
    let late: NodeJS.Timeout | undefined
    const tooLate = new Promise<never>((_, reject) => {
      const complain = () => {
        const which = `${this.#missing} of ${readers.length} readers never got ${mark}`
        reject(new WrongAnswerError(which))
      }
      late = setTimeout(complain, withinMs)
    })
    try {
      await Promise.race([all, tooLate])
    } finally {
      clearTimeout(late)
    }
  }

  #found(): void {
    this.#missing -= 1
    if (this.#missing === 0) this.#allHave()
  }
}

class Reader {
  readonly keeps: boolean
  /** Resolves once there is a connection; rejects when there is none. */
  readonly connected: Promise<void>
  readonly #request: string
  readonly #socket: Socket
  readonly #parts: Buffer[] = []
  readonly #onFound: () => void
  #mark: Buffer | undefined
  /** The last bytes of the part before, where a mark may begin. */
  #rest: Buffer = Buffer.alloc(0)
  foundAt = 0
  bytes = 0

  constructor(
    url: string,
    options: { readonly keeps: boolean; readonly gzip: boolean; readonly onFound: () => void },
  ) {
    const { hostname, port, host, pathname, search } = new URL(url)
    this.keeps = options.keeps
    this.#onFound = options.onFound
    const accept = `accept: text/event-stream${options.gzip ? "\r\naccept-encoding: gzip" : ""}`
    this.#request = `GET ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${accept}\r\n\r\n`
    const socket = connect(Number(port), hostname)
    this.#socket = socket
    this.connected = new Promise((resolve, reject) => {
      socket.once("connect", resolve)
      socket.once("error", reject)
    })
    socket.setNoDelay(true)
    socket.on("data", (part) => this.#take(part))
    socket.on("error", () => {})
  }

  ask(): void {
    this.#socket.write(this.#request)
  }

  /** Looks for a mark from now on, also in what has come already. */
  expect(mark: Buffer): void {
    this.#mark = mark
    this.#look(this.#rest)
  }

  /** The body as text. */
  body(): string {
    return bodyOf(Buffer.concat(this.#parts))
  }

  stall(): void {
    this.#socket.pause()
  }

  goOn(): void {
    this.#socket.resume()
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(part: Buffer): void {
    this.bytes += part.byteLength
    if (this.keeps) this.#parts.push(part)
    const isFound = this.#look(part)
    const head = part.subarray(0, MARK_BYTES_MAX)
    if (!isFound && this.#mark !== undefined) this.#look(Buffer.concat([this.#rest, head]))
    const tail = part.byteLength < MARK_BYTES_MAX ? Buffer.concat([this.#rest, part]) : part
    // Copied where nothing is kept: a slice of 64 bytes would hold the whole part.
    this.#rest = Buffer.from(tail.subarray(-MARK_BYTES_MAX))
  }

  #look(bytes: Buffer): boolean {
    if (this.#mark === undefined || bytes.indexOf(this.#mark) < 0) return false
    this.foundAt = performance.now()
    this.#mark = undefined
    this.#onFound()
    return true
  }
}

/** The body of a response of HTTP/1.1 as text, as far as it has come. */
export function bodyOf(response: Buffer): string {
  const end = response.indexOf("\r\n\r\n")
  if (end < 0) return ""
  const head = response.subarray(0, end).toString("latin1")
  const rest = response.subarray(end + 4)
  if (!/^HTTP\/1\.1 200 /.test(head)) throw new WrongAnswerError(`a stream begins with ${head}`)
  const body = /^transfer-encoding: *chunked/im.test(head) ? Buffer.concat(chunksOf(rest)) : rest
  if (!/^content-encoding: *gzip/im.test(head)) return body.toString("utf8")
  return gunzipSync(body, { finishFlush: constants.Z_SYNC_FLUSH }).toString("utf8")
}

function chunksOf(body: Buffer): Buffer[] {
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf("\r\n", at)
    if (line < 0) break
    const bytes = Number.parseInt(body.subarray(at, line).toString("latin1"), 16)
    parts.push(body.subarray(line + 2, line + 2 + bytes))
    at = line + 2 + bytes + 2
  }
  return parts
}
