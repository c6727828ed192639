import type { IncomingMessage, Server, ServerResponse } from "node:http"
import type { Duplex } from "node:stream"
import { isInside, parseRange } from "../http/ip-range.ts"
import { peerOf } from "../http/peer.ts"
import { KeyedCounts } from "../keyed-counts.ts"
import type { Log } from "../log.ts"
import type { RefusalObserver } from "./refusal.ts"

/** Requests that may wait behind the one that is answered; a connection with more is closed. */
const WAITING_MAX = 16

/** Interval at which a closing server looks for idle connections, in ms. */
const CLOSE_SWEEP_MS = 20

/** Least time between two log lines on refused connections, in ms. */
const REFUSED_LOG_MS = 60_000

/** Bounds on the connections of a server. */
export interface ConnectionLimits {
  /** Connections open at once. One more is closed as soon as it is accepted. */
  readonly max: number
  /** Those of one address, of IPv6 of its first 64 bits. Loopback is exempt. */
  readonly perAddressMax?: number | undefined
  /** Addresses that are exempt as well, as CIDR. */
  readonly exempt?: readonly string[] | undefined
}

/** A connection, which may tell its peer. */
type PeerConnection = Duplex & { readonly remoteAddress?: string | undefined }

/** Answers one request. */
export type RequestListener = (incoming: IncomingMessage, outgoing: ServerResponse) => void

/** A request that waits until those before it on its connection have been answered. */
type QueuedRequest = readonly [IncomingMessage, ServerResponse]

/**
 * The connections of an HTTP server: bounds their number, and has the requests of each answered one
 * at a time.
 *
 * `node:http` hands over all pipelined requests at once, and Node 20 and 22 emit no `close` for a
 * response that waits for its turn when the connection goes. So each of them would hold a stream
 * that nothing ends. A request that waits here has not been looked at: it holds nothing, and goes
 * with its connection. A stream is therefore the only one on its connection.
 */
export class Connections {
  readonly #max: number
  readonly #perAddressMax: number
  readonly #exempt
  readonly #log: Log
  readonly #observer: RefusalObserver | undefined
  readonly #byAddress = new KeyedCounts()
  /**
   * Each with the requests that wait on it; `undefined` while none is being answered. A connection
   * of HTTP/2 is a session: it answers in its own way, and ends by itself.
   */
  readonly #open = new Map<Duplex, QueuedRequest[] | "session" | undefined>()
  #refused = 0
  #loggedAt = Number.NEGATIVE_INFINITY
  #isClosing = false

  constructor(
    { max, perAddressMax, exempt = [] }: ConnectionLimits,
    log: Log,
    observer?: RefusalObserver,
  ) {
    this.#observer = observer
    this.#max = max
    this.#perAddressMax = perAddressMax ?? Number.POSITIVE_INFINITY
    this.#exempt = exempt.flatMap((range) => parseRange(range) ?? [])
    this.#log = log
  }

  /** Counts the connections of a server, and answers its requests in turn. */
  serve(server: Server, answer: RequestListener): void {
    server.on("connection", (socket: PeerConnection) => this.accept(socket))
    server.on("request", (incoming: IncomingMessage, outgoing: ServerResponse) => {
      this.#request(incoming, outgoing, answer)
    })
  }

  /** Connections that are open. */
  get size(): number {
    return this.#open.size
  }

  /** True when one more connection would be refused; counts the refusal. */
  refuses(): boolean {
    if (this.#open.size < this.#max) return false
    this.#refused += 1
    this.#observer?.onRefusal?.({ at: "connection", code: "ERR_TOO_MANY" })
    const now = performance.now()
    if (now - this.#loggedAt >= REFUSED_LOG_MS) {
      this.#loggedAt = now
      this.#log(
        `refused connections: ${this.#max} are open, which is what the limit on open files ` +
          "leaves; raise it with ulimit -n",
        { refused: this.#refused },
      )
      this.#refused = 0
    }
    return true
  }

  /**
   * Counts a connection until it closes. Returns false where it is refused: then it is closed. A
   * connection that is known already is not counted again.
   */
  accept(socket: PeerConnection): boolean {
    if (this.#open.has(socket)) return true
    // A connection that the client resets has an error, and nothing to be told of it.
    socket.on("error", () => {})
    const address = this.#addressOf(socket)
    if (this.#isClosing || this.refuses() || this.#isCrowded(address)) {
      socket.destroy()
      return false
    }
    this.#byAddress.add(address, 1)
    socket.once("close", () => this.#byAddress.add(address, -1))
    this.#add(socket)
    return true
  }

  /** True when the address has all its connections; counts the refusal. */
  #isCrowded(address: string | undefined): boolean {
    if (this.#byAddress.of(address) < this.#perAddressMax) return false
    this.#observer?.onRefusal?.({ at: "connection", code: "ERR_TOO_MANY" })
    return true
  }

  /** Counts `secured`, which runs over a counted connection, in its place. */
  replace(raw: Duplex, secured: Duplex): void {
    if (raw === secured) return
    this.#open.delete(raw)
    this.#add(secured)
    if (this.#isClosing) secured.destroy()
  }

  /** Notes that a counted connection speaks HTTP/2: `close` waits until it has ended by itself. */
  markSession(socket: Duplex): void {
    this.#open.set(socket, "session")
  }

  /** Closes each connection when it has no request left. Resolves when all are closed. */
  close(): Promise<void> {
    this.#isClosing = true
    return new Promise((resolve) => {
      const look = () => {
        for (const [socket, waiting] of this.#open) if (waiting === undefined) socket.destroy()
        if (this.#open.size > 0) return
        clearInterval(sweep)
        resolve()
      }
      const sweep = setInterval(look, CLOSE_SWEEP_MS)
      look()
    })
  }

  #addressOf({ remoteAddress }: PeerConnection): string | undefined {
    if (remoteAddress === undefined || isInside(this.#exempt, remoteAddress)) return undefined
    return peerOf({ peerAddress: remoteAddress })
  }

  #add(socket: Duplex): void {
    this.#open.set(socket, undefined)
    socket.once("close", () => this.#open.delete(socket))
  }

  #request(incoming: IncomingMessage, outgoing: ServerResponse, answer: RequestListener): void {
    const { socket } = incoming
    // What was parsed after the connection was closed.
    if (socket.destroyed || !this.#open.has(socket)) return
    const waiting = this.#open.get(socket)
    if (waiting === "session") return
    if (waiting === undefined) this.#answer([incoming, outgoing], [], answer)
    else if (waiting.length < WAITING_MAX) waiting.push([incoming, outgoing])
    else {
      socket.destroy()
      stopParsing(socket)
    }
  }

  #answer(
    [incoming, outgoing]: QueuedRequest,
    waiting: QueuedRequest[],
    answer: RequestListener,
  ): void {
    const { socket } = incoming
    this.#open.set(socket, waiting)
    outgoing.once("close", () => {
      if (!this.#open.has(socket)) return
      const next = waiting.shift()
      if (next === undefined) this.#open.set(socket, undefined)
      else this.#answer(next, waiting, answer)
    })
    answer(incoming, outgoing)
  }
}

/** Node's parser of a connection: it calls `onIncoming` for each head, and stops at an upgrade. */
interface Parser {
  onIncoming?: () => number
}

const UPGRADE = 2

/**
 * Ends the parsing of a chunk in the middle: Node would go on to make requests of the rest of it,
 * thousands of them, for a connection that is closed. On a runtime without this parser it does.
 */
function stopParsing(socket: Duplex): void {
  const { parser } = socket as { readonly parser?: Parser | null }
  if (parser?.onIncoming !== undefined) parser.onIncoming = () => UPGRADE
}
