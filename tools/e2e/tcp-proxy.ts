import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

/**
 * A link that can be mistreated: it passes bytes between whoever connects and one of its targets,
 * picked for each connection, until it is told to cut or to refuse.
 */
export class TcpProxy {
  readonly port: number
  readonly #server: Server
  readonly #pairs = new Set<[Socket, Socket]>()
  #open = true

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
    const end = () => {
      this.#pairs.delete(pair)
      from.destroy()
      to.destroy()
    }
    for (const socket of pair) socket.on("error", end).on("close", end)
    from.pipe(to).pipe(from)
  }

  /** Cuts some or all of the connections, in the middle of whatever they carry. */
  cut(share: () => boolean = () => true): void {
    for (const [from, to] of [...this.#pairs]) {
      if (!share()) continue
      from.resetAndDestroy()
      to.destroy()
    }
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
