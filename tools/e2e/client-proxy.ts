import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

/**
 * A fault of one connection. Bytes are those that go to the client, from the first of the
 * response on.
 *
 *   cut      reset after so many      end     closed, as if whole
 *   stall    nothing more comes       delay   each piece comes late
 *   drip     one byte a write         repeat  the last so many come twice
 *   answer   not the hub's            call    passes on, and calls a task at a byte
 */
export type Fault =
  | { readonly type: "cut" | "end" | "stall"; readonly atBytes: number }
  | { readonly type: "delay"; readonly ms: number }
  | { readonly type: "drip" }
  | { readonly type: "repeat"; readonly atBytes: number; readonly bytes: number }
  | { readonly type: "answer"; readonly text: string }
  | Call

interface Call {
  readonly type: "call"
  readonly atBytes: number
  readonly task: () => void
}

/** A link to a hub on which everything goes wrong that can: a fault for each connection in turn. */
export class ClientProxy {
  readonly #server: Server
  readonly #faults: Fault[] = []
  readonly #sockets = new Set<Socket>()
  #target: number

  private constructor(server: Server, target: number) {
    this.#server = server
    this.#target = target
    server.on("connection", (socket) => this.#join(socket))
  }

  /** Listens on a free port, for a hub at `target`. */
  static async start(target: number): Promise<ClientProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return new ClientProxy(server, target)
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The number of faults that no connection has met yet. */
  get faultsLeft(): number {
    return this.#faults.length
  }

  /** The next connections on which something is asked meet these, one each; others pass. */
  await(...faults: readonly Fault[]): void {
    this.#faults.push(...faults)
  }

  /** Connections from now on go to another hub; those there are, are cut. */
  moveTo(target: number): void {
    this.#target = target
    this.cut()
  }

  /** Resets all connections. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.resetAndDestroy()
  }

  close(): Promise<void> {
    this.cut()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  // A pool may open a connection that it never uses: only one that asks for something is counted.
  #join(from: Socket): void {
    this.#sockets.add(from)
    from.setNoDelay(true)
    from.on("error", () => {}).on("close", () => this.#sockets.delete(from))
    from.once("data", (first) => this.#serve(from, first))
  }

  #serve(from: Socket, first: Buffer): void {
    const next = this.#faults.shift()
    const fault = next?.type === "call" ? this.#owed(next, from) : next
    if (fault?.type === "answer") {
      from.end(fault.text)
      return
    }
    const to = connect(this.#target, "127.0.0.1")
    to.on("error", () => from.destroy()).on("close", () => from.end())
    from.on("close", () => to.destroy())
    to.write(first)
    from.pipe(to)
    void relay(to, from, fault)
  }

  // A connection that is left before that byte owes its call to the next one.
  #owed(fault: Call, from: Socket): Call {
    let isDone = false
    from.on("close", () => {
      if (!isDone) this.#faults.unshift(fault)
    })
    const task = () => {
      isDone = true
      fault.task()
    }
    return { ...fault, task }
  }
}

// Passes on what the hub sends, the way the fault wants it.
async function relay(to: Socket, from: Socket, fault: Fault | undefined): Promise<void> {
  let passed = 0
  try {
    for await (const piece of to as AsyncIterable<Buffer>) {
      const before = passed
      passed += piece.length
      const at = fault && "atBytes" in fault ? fault.atBytes - before : Number.POSITIVE_INFINITY
      if (fault?.type === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms))
      if (fault?.type === "drip") {
        for (const byte of piece) await write(from, Buffer.of(byte))
      } else if (at >= piece.length) await write(from, piece)
      else if (await breakOff(from, piece, at, fault!)) return
    }
    from.end()
  } catch {
    from.destroy()
  }
}

// The byte of the fault is in this piece. Tells whether nothing more is to come.
async function breakOff(from: Socket, piece: Buffer, at: number, fault: Fault): Promise<boolean> {
  if (at < 0) {
    await write(from, piece)
    return false
  }
  await write(from, piece.subarray(0, at))
  if (fault.type === "cut") from.resetAndDestroy()
  if (fault.type === "end") from.end()
  if (fault.type === "call") fault.task()
  // The hub's side stays open, too: neither side sees an end.
  if (fault.type === "stall") await new Promise((resolve) => from.once("close", resolve))
  if (fault.type === "repeat") await write(from, piece.subarray(Math.max(0, at - fault.bytes), at))
  const isOver = fault.type === "cut" || fault.type === "end" || fault.type === "stall"
  if (!isOver) await write(from, piece.subarray(at))
  return isOver
}

function write(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

/** An answer as text, after which the connection is closed. */
export function answerOf(status: number, type: string, body: string, headers = ""): Fault {
  const head = `HTTP/1.1 ${status} No\r\ncontent-type: ${type}\r\n${headers}`
  return { type: "answer", text: `${head}connection: close\r\n\r\n${body}` }
}
