import { connect, type Socket } from "node:net"
import { WrongAnswerError } from "../wrong-answer.ts"

/** How long a change may take until every reader has it, in ms. */
const DELIVERY_MS_MAX = 20_000

/** Sockets that are opened at once, so that no accept queue runs over. */
const OPENING_MAX = 50

/**
 * Many readers of one stream, over bare sockets: a reader costs little here, so that what is
 * measured is the server. They look for marks in what arrives, and keep it; what it was is checked
 * afterwards.
 */
export class Readers {
  readonly #readers: Reader[] = []
  #missing = 0
  #allHave: (at: number) => void = () => {}

  /** Opens `count` readers of a URL, and waits until each has the mark. */
  static async open(url: string, count: number, mark: string): Promise<Readers> {
    const readers = new Readers()
    for (let from = 0; from < count; from += OPENING_MAX) {
      const more = Math.min(OPENING_MAX, count - from)
      for (let index = 0; index < more; index++) {
        readers.#readers.push(new Reader(url, () => readers.#found()))
      }
      await readers.#waitFor(mark, readers.#readers.slice(from))
    }
    return readers
  }

  /** Resolves, once every reader has a mark, with the times at which it came, on our clock. */
  async have(mark: string): Promise<readonly number[]> {
    await this.#waitFor(mark, this.#readers)
    return this.#readers.map(({ foundAt }) => foundAt)
  }

  /** What each reader was sent: the body, without the chunks in which it came. */
  bodies(): readonly string[] {
    return this.#readers.map((reader) => reader.body())
  }

  /** Closes all of them. */
  close(): void {
    for (const reader of this.#readers) reader.close()
  }

  async #waitFor(mark: string, readers: readonly Reader[]): Promise<void> {
    this.#missing = readers.length
    const all = new Promise<number>((resolve) => {
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
      late = setTimeout(complain, DELIVERY_MS_MAX)
    })
    try {
      await Promise.race([all, tooLate])
    } finally {
      clearTimeout(late)
    }
  }

  #found(): void {
    this.#missing -= 1
    if (this.#missing === 0) this.#allHave(performance.now())
  }
}

class Reader {
  readonly #socket: Socket
  readonly #parts: Buffer[] = []
  readonly #onFound: () => void
  #mark: Buffer | undefined
  /** The last bytes of the part before, where a mark may begin. */
  #rest: Buffer = Buffer.alloc(0)
  foundAt = 0

  constructor(url: string, onFound: () => void) {
    const { hostname, port, host, pathname } = new URL(url)
    this.#onFound = onFound
    this.#socket = connect(Number(port), hostname, () => {
      const head = `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\naccept: text/event-stream`
      this.#socket.write(`${head}\r\n\r\n`)
    })
    this.#socket.setNoDelay(true)
    this.#socket.on("data", (part) => this.#take(part))
    this.#socket.on("error", () => {})
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

  close(): void {
    this.#socket.destroy()
  }

  #take(part: Buffer): void {
    this.#parts.push(part)
    const isFound = this.#look(part)
    if (!isFound && this.#mark !== undefined) this.#look(Buffer.concat([this.#rest, part]))
    this.#rest = part.subarray(-64)
  }

  #look(bytes: Buffer): boolean {
    if (this.#mark === undefined || bytes.indexOf(this.#mark) < 0) return false
    this.foundAt = performance.now()
    this.#mark = undefined
    this.#onFound()
    return true
  }
}

/** The body of a response of HTTP/1.1, as far as it has come. */
export function bodyOf(response: Buffer): string {
  const end = response.indexOf("\r\n\r\n")
  if (end < 0) return ""
  const head = response.subarray(0, end).toString("latin1")
  const body = response.subarray(end + 4)
  if (!/^HTTP\/1\.1 200 /.test(head)) throw new WrongAnswerError(`a stream begins with ${head}`)
  if (!/^transfer-encoding: *chunked/im.test(head)) return body.toString("utf8")
  const parts: Buffer[] = []
  for (let at = 0; at < body.length; ) {
    const line = body.indexOf("\r\n", at)
    if (line < 0) break
    const bytes = Number.parseInt(body.subarray(at, line).toString("latin1"), 16)
    parts.push(body.subarray(line + 2, line + 2 + bytes))
    at = line + 2 + bytes + 2
  }
  return Buffer.concat(parts).toString("utf8")
}
