import { Duplex } from "node:stream"

/** First size of the buffer that a connection reads into, and the largest, in bytes. */
const READ_BYTES_MIN = 2_048
const READ_BYTES_MAX = 65_536

/** A TCP connection of Deno, as far as it is used here. */
export interface DenoConn {
  readonly remoteAddr: { readonly hostname: string; readonly port: number }
  read(into: Uint8Array): Promise<number | null>
  write(bytes: Uint8Array): Promise<number>
  closeWrite(): Promise<void>
  setNoDelay(on?: boolean): void
  close(): void
}

/**
 * A connection of Deno as a stream that an HTTP server of `node:http` takes.
 *
 * What is read is copied out of one buffer, which grows while it is filled: a client that sends a
 * byte at a time costs bytes, and a silent one 2 KiB.
 */
export class DenoConnection extends Duplex {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #conn: DenoConn
  #buffer = new Uint8Array(READ_BYTES_MIN)
  #isReading = false

  constructor(conn: DenoConn) {
    super({ allowHalfOpen: true })
    this.#conn = conn
    this.remoteAddress = conn.remoteAddr.hostname
    this.remotePort = conn.remoteAddr.port
    conn.setNoDelay(true)
  }

  override _read(): void {
    if (this.#isReading) return
    this.#isReading = true
    this.#fill().then(
      () => {
        this.#isReading = false
      },
      (error) => this.destroy(error),
    )
  }

  override _write(chunk: Uint8Array, _encoding: string, done: Done): void {
    this.#put(chunk, done)
  }

  override _writev(chunks: readonly { chunk: Uint8Array }[], done: Done): void {
    this.#put(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    // The other side may have gone before: then there is nothing to end.
    this.#conn.closeWrite().then(
      () => done(),
      () => done(),
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#conn.close()
    done(error)
  }

  /** `node:http` closes idle connections by it; here its server closes them (`Connections`). */
  setTimeout(): this {
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  /** Ends once everything has been written, as `net.Socket` does. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once("finish", () => this.destroy())
  }

  async #fill(): Promise<void> {
    for (;;) {
      const length = await this.#conn.read(this.#buffer)
      if (this.destroyed) return
      if (length === null) {
        this.push(null)
        return
      }
      const isMore = this.push(Buffer.from(this.#buffer.subarray(0, length)))
      if (length === this.#buffer.length && length < READ_BYTES_MAX) {
        this.#buffer = new Uint8Array(length * 2)
      }
      if (!isMore) return
    }
  }

  #put(bytes: Uint8Array, done: Done): void {
    this.#conn.write(bytes).then((written) => {
      if (written < bytes.byteLength) this.#put(bytes.subarray(written), done)
      else done()
    }, done)
  }
}

type Done = (error?: Error | null) => void
