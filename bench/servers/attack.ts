import { connect, type Socket } from "node:net"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"

/** The ways to do harm over HTTP/1.1. */
export type AttackName = "silent" | "stalled" | "connects" | "heads" | "bodies" | "pipelined"

/** An attack that goes on until it is stopped. */
export interface Attack {
  stop(): Promise<void>
}

interface Orders {
  readonly attack: AttackName
  readonly url: string
  readonly count: number
}

/** Starts an attack in a thread. Resolves once its connections are open. */
export async function startAttack(attack: AttackName, url: string, count: number): Promise<Attack> {
  const orders: Orders = { attack, url, count }
  const worker = new Worker(new URL(import.meta.url), { workerData: orders })
  await new Promise<void>((resolve, reject) => {
    worker.once("message", () => resolve())
    worker.once("error", reject)
  })
  return {
    async stop() {
      await worker.terminate()
    },
  }
}

/** Connections that are opened at once, so that no accept queue runs over. */
const OPENING_MAX = 50

/** Interval between two bytes of a slow request, in ms. */
const TRICKLE_MS = 500

/** Connections that pipeline, and requests that each sends in one piece. */
const PIPELINES = 6
const PIPELINED = 1_500

const HOST = "host: localhost"
const STREAM = `GET /v1/topics/bench/stream HTTP/1.1\r\n${HOST}\r\n\r\n`
const SLOW_HEAD = `GET / HTTP/1.1\r\n${HOST}\r\nx: `
const SLOW_BODY =
  `PUT /v1/topics/bench/entry?key=slow HTTP/1.1\r\n${HOST}\r\n` +
  "content-type: application/json\r\ncontent-length: 1000000\r\n\r\n1"
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}\r\n\r\n`

/** Opens this many connections, and again each that the server closes. */
class Attacker {
  readonly #port: number
  readonly #host: string

  constructor({ url }: Orders) {
    const { port, hostname } = new URL(url)
    this.#port = Number(port)
    this.#host = hostname
  }

  async attack({ attack, count }: Orders): Promise<void> {
    switch (attack) {
      case "silent":
        return this.#hold(count, () => {})
      case "stalled":
        return this.#hold(count, (socket) => socket.pause().write(STREAM))
      case "heads":
        return this.#hold(count, (socket) => trickle(socket, SLOW_HEAD, "a"))
      case "bodies":
        return this.#hold(count, (socket) => trickle(socket, SLOW_BODY, "1"))
      case "pipelined":
        return this.#hold(PIPELINES, (socket) => socket.write(HEALTH.repeat(PIPELINED)))
      case "connects":
        // Five times as many, over again: each leaves as soon as it is accepted.
        return this.#hold(Math.ceil(count / 200), (socket) => socket.destroy())
    }
  }

  async #hold(count: number, use: (socket: Socket) => void): Promise<void> {
    for (let from = 0; from < count; from += OPENING_MAX) {
      const opened = Array.from({ length: Math.min(OPENING_MAX, count - from) }, () =>
        this.#open(use),
      )
      await Promise.all(opened)
    }
  }

  #open(use: (socket: Socket) => void): Promise<void> {
    return new Promise((resolve) => {
      const socket = connect(this.#port, this.#host, () => {
        use(socket)
        resolve()
      })
      socket.on("error", () => {})
      socket.resume()
      socket.once("close", () => {
        resolve()
        setTimeout(() => void this.#open(use), 1)
      })
    })
  }
}

function trickle(socket: Socket, head: string, byte: string): void {
  socket.write(head)
  const timer = setInterval(() => socket.write(byte), TRICKLE_MS)
  socket.once("close", () => clearInterval(timer))
}

if (!isMainThread && parentPort !== null) {
  const orders = workerData as Orders
  await new Attacker(orders).attack(orders)
  parentPort.postMessage("open")
}
