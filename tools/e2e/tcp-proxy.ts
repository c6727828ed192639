import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import { Transform } from "node:stream"
import { pause } from "./hub-process.ts"

/** Interval between two pieces of a slow link. */
const BRAKE_MS = 20

/**
 * A link with faults on demand: it passes bytes between a client and one of its targets,
 * picked for each connection, until it is told to cut or to refuse.
 */
export class TcpProxy {
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()
  #open = true
  #bytesPerSecond = Number.POSITIVE_INFINITY

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** Listens on a free port. `pick` says where the next connection goes. */
  static start(pick: () => number): Promise<TcpProxy> {
    return new Promise((resolve) => {
      let proxy: TcpProxy
      const server = createServer((from) => proxy.#join(from, pick()))
      server.listen(0, "127.0.0.1", () => {
        proxy = new TcpProxy(server)
        resolve(proxy)
      })
    })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get connections(): number {
    return this.#pairs.size
  }

  #join(from: Socket, port: number): void {
    if (!this.#open) {
      from.destroy()
      return
    }
    const to = connect(port, "127.0.0.1")
    const pair: [Socket, Socket] = [from, to]
    this.#pairs.add(pair)
    const [there, back] = [this.#brake(), this.#brake()]
    const end = () => {
      this.#pairs.delete(pair)
      for (const stream of [from, to, there, back]) stream.destroy()
    }
    for (const socket of pair) socket.on("error", end).on("close", end)
    from.pipe(there).pipe(to)
    to.pipe(back).pipe(from)
  }

  /** Cuts some or all of the connections, in the middle of whatever they carry. */
  cut(share: () => boolean = () => true): void {
    for (const [from, to] of [...this.#pairs]) {
      if (!share()) continue
      from.resetAndDestroy()
      to.destroy()
    }
  }

  /** From now on each connection and direction passes no more than that; 0 passes nothing. */
  slow(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Passes bytes on in pieces, as fast as is allowed when they come. */
  #brake(): Transform {
    const brake = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        this.#passSlowly(chunk, brake).then((isWhole) => isWhole && done(), done)
      },
    })
    return brake
  }

  // Resolves to false when the connection ends first.
  async #passSlowly(chunk: Buffer, brake: Transform): Promise<boolean> {
    for (let sent = 0; sent < chunk.length; ) {
      const bytes = this.#bytesPerSecond * (BRAKE_MS / 1_000)
      if (bytes < chunk.length - sent) await pause(BRAKE_MS)
      if (brake.destroyed) return false
      const end = Math.min(chunk.length, sent + Math.floor(bytes))
      if (end === sent) continue
      brake.push(chunk.subarray(sent, end))
      sent = end
    }
    return true
  }

  /** Cuts all, and refuses new ones until `admit`. */
  refuse(): void {
    this.#open = false
    this.cut()
  }

  admit(): void {
    this.#open = true
  }

  close(): Promise<void> {
    this.cut()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }
}
