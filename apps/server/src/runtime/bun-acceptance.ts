import type { Log } from "../log.ts"
import { openFiles } from "./open-files.ts"

/** Interval at which open files are counted, in ms, and time for which nothing is accepted. */
const LOOK_MS = 1_000

/** Interval after a shortage, in ms: while no descriptor is left, accepting fills a processor. */
const SHORT_LOOK_MS = 50

/** Least time between two log lines on closed connections, in ms. */
const CLOSED_LOG_MS = 60_000

/** Bun's server, as far as connections are concerned. */
export interface BunAcceptor {
  readonly port: number
  closeIdleConnections(): void
  stop(closeActive: boolean): Promise<void>
}

/**
 * Bounds the connections of Bun's server, which accepts without a bound and tries for ever once no
 * descriptor is left. When open files run short, connections on which nothing is asked are closed,
 * and nothing listens for a second. Streams stay.
 */
export class Acceptance<Server extends BunAcceptor> {
  readonly port: number
  readonly #serve: (port: number) => Server
  readonly #max: number
  readonly #log: Log
  readonly #atRest = openFiles()
  /** Servers that accept no more, until their last connection has ended. */
  readonly #stopping = new Set<Promise<void>>()
  #server: Server | undefined
  #timer: ReturnType<typeof setTimeout>
  #isShort = false
  #loggedAt = Number.NEGATIVE_INFINITY

  /** `max`: connections that the limit on open files leaves. */
  constructor(serve: (port: number) => Server, port: number, max: number, log: Log) {
    this.#serve = serve
    this.#max = max
    this.#log = log
    this.#server = serve(port)
    this.port = this.#server.port
    this.#timer = setTimeout(this.#look, LOOK_MS)
  }

  /** True while open files are short: an answer then ends its connection. */
  get isShort(): boolean {
    return this.#isShort
  }

  /** Listens by a new server; the connections of the one before it go on. */
  renew(): void {
    const old = this.#server
    if (old === undefined) return
    this.#server = undefined
    this.#listen()
    this.#end(old)
  }

  /** Accepts nothing more, and resolves when all connections have ended. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#stop()
    await Promise.all(this.#stopping)
  }

  readonly #look = (): void => {
    const wasShort = this.#isShort
    this.#isShort = openFiles() - this.#atRest >= this.#max
    if (this.#isShort) {
      this.#server?.closeIdleConnections()
      this.#stop()
      this.#tell()
    } else if (this.#server === undefined) this.#listen()
    const isWatched = wasShort && !this.#isShort
    this.#timer = setTimeout(this.#look, isWatched ? SHORT_LOOK_MS : LOOK_MS)
  }

  #stop(): void {
    if (this.#server === undefined) return
    this.#end(this.#server)
    this.#server = undefined
  }

  #end(server: Server): void {
    const stopped = server.stop(false).finally(() => this.#stopping.delete(stopped))
    this.#stopping.add(stopped)
  }

  #listen(): void {
    try {
      this.#server = this.#serve(this.port)
    } catch (error) {
      this.#log(`cannot listen on port ${this.port} again: ${String(error)}; tries again`)
    }
  }

  #tell(): void {
    if (performance.now() - this.#loggedAt < CLOSED_LOG_MS) return
    this.#loggedAt = performance.now()
    this.#log(
      `refused connections: ${this.#max} are open, which is what the limit on open files leaves; ` +
        "raise it with ulimit -n",
    )
  }
}
