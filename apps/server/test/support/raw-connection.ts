import { once } from "node:events"
import { connect, type Socket } from "node:net"

/** The longest wait of a test for bytes. Only a failing test waits so long. */
const PATIENCE_MS = 120_000

/** An answer of HTTP/1, taken apart byte by byte. */
export interface RawAnswer {
  readonly status: string
  readonly headers: ReadonlyMap<string, string>
  /** The part that has arrived. */
  readonly body: Buffer
  /** True once its end has arrived: a last chunk, all of its length, or the connection's end. */
  readonly ended: boolean
  /** The sizes of its chunks, if it is chunked. */
  readonly chunks: readonly number[]
}

/**
 * A connection of a strict client: it reads answers exactly by RFC 9112, and any other byte is an
 * error. Close it.
 */
export class RawConnection {
  readonly socket: Socket
  #bytes: Buffer = Buffer.alloc(0)
  #isClosed = false
  #wake: () => void = () => {}

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on("data", (part: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, part])
      this.#wake()
    })
    socket.on("error", () => {})
    socket.on("close", () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  /** `url`: of a server. */
  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    await once(socket, "connect")
    return new RawConnection(socket)
  }

  /** Over a connection that is open, such as one by TLS. */
  static over(socket: Socket): RawConnection {
    return new RawConnection(socket)
  }

  /** Sends a request without a body, as these lines. */
  send(...lines: readonly string[]): void {
    this.socket.write(`${lines.join("\r\n")}\r\n\r\n`)
  }

  /** The next answer, whole: what comes after it stays for the next call. */
  async answer(method = "GET"): Promise<RawAnswer> {
    let rest = 0
    const answer = await this.#until((answer, length) => {
      rest = length
      return answer.ended
    }, method)
    this.#bytes = this.#bytes.subarray(rest)
    return answer
  }

  /** The answer that is coming, as soon as its body has a text in it. */
  soFar(text: string): Promise<RawAnswer> {
    return this.when(({ body }) => body.includes(text))
  }

  /** The answer that is coming, as soon as it is as wanted. */
  when(isIt: (answer: RawAnswer) => boolean): Promise<RawAnswer> {
    return this.#until(isIt, "GET")
  }

  /** Resolves when the other side has closed. */
  async closed(): Promise<void> {
    let isLate = false
    const late = setTimeout(() => {
      isLate = true
      this.socket.destroy()
    }, PATIENCE_MS)
    // A reset is an end, too: `once` of `node:events` would reject with its error.
    if (!this.#isClosed) await new Promise((resolve) => this.socket.once("close", resolve))
    clearTimeout(late)
    if (isLate) throw new Error("the connection stayed open")
  }

  close(): void {
    this.socket.destroy()
  }

  async #until(
    isIt: (answer: RawAnswer, length: number) => boolean,
    method: string,
  ): Promise<RawAnswer> {
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      const [answer, length] = read(this.#bytes, method, this.#isClosed) ?? [undefined, 0]
      if (answer !== undefined && isIt(answer, length)) return answer
      if (this.#isClosed || performance.now() > until) {
        throw new Error(`it never came: ${this.#bytes.toString("latin1").slice(-2_000)}`)
      }
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, PATIENCE_MS)
        this.#wake = () => {
          clearTimeout(late)
          resolve()
        }
      })
    }
  }
}

/** The answer at the start of some bytes, and how many of them it has. */
function read(bytes: Buffer, method: string, isClosed: boolean): [RawAnswer, number] | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n")
  if (headEnd < 0) return undefined
  const [first = "", ...lines] = bytes.subarray(0, headEnd).toString("latin1").split("\r\n")
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]
  if (status === undefined) throw new Error(`an answer begins with ${first}`)
  const headers = new Map(
    lines.map((line) => {
      const [name = "", value = ""] = line.split(/: */, 2)
      return [name.toLowerCase(), value]
    }),
  )
  const begin = headEnd + 4
  const body = bytes.subarray(begin)
  const length = headers.get("content-length")
  if (method === "HEAD" || status === "204") {
    return [{ status, headers, body: body.subarray(0, 0), ended: true, chunks: [] }, begin]
  }
  if (headers.get("transfer-encoding") === "chunked") {
    const { parts, end, ended } = readChunks(body)
    const chunks = parts.map((part) => part.byteLength)
    return [{ status, headers, body: Buffer.concat(parts), ended, chunks }, begin + end]
  }
  const end = length === undefined ? body.byteLength : Number(length)
  const ended = length === undefined ? isClosed : body.byteLength >= end
  return [{ status, headers, body: body.subarray(0, end), ended, chunks: [] }, begin + end]
}

function readChunks(body: Buffer): { parts: Buffer[]; end: number; ended: boolean } {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const lineEnd = body.indexOf("\r\n", at)
    if (lineEnd < 0) return { parts, end: at, ended: false }
    const line = body.subarray(at, lineEnd).toString("latin1")
    if (!/^[0-9a-f]{1,8}$/i.test(line)) throw new Error(`a chunk begins with ${line}`)
    const size = Number.parseInt(line, 16)
    const end = lineEnd + 2 + size
    if (body.byteLength < end + 2) return { parts, end: at, ended: false }
    if (body.subarray(end, end + 2).toString() !== "\r\n") throw new Error("a chunk has no end")
    if (size === 0) return { parts, end: end + 2, ended: true }
    parts.push(body.subarray(lineEnd + 2, end))
    at = end + 2
  }
}
