/**
 * Serve: one change to many readers.
 *
 * Question: what does it cost a server to deliver a change to one of its readers, and how long does
 *           it take?
 * Unit:     µs of CPU for one delivery, by the server's own accounting; ms from the write to the
 *           reader, on the clock of the load's process, which does both; bytes a reader adds to the
 *           server.
 * Control:  `bare`, the least code that writes the same bytes on this runtime.
 * Peers:    Hono's `streamSSE`.
 *
 * The server is a process of its own, of the runtime that is measured: for ours, the command as it
 * is installed, on a topic in memory. The load is this process, on Node, the same for all.
 */
import { Agent, request } from "node:http"
import { answerUsage, say } from "../channel.ts"
import { Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { Readers } from "../servers/readers.ts"
import { quantile, summary } from "../statistics.ts"
import type { SubjectProcess } from "../subject-process.ts"
import type { Measurement, SizeName, Task } from "../task.ts"
import { expectAnswer, WrongAnswerError } from "../wrong-answer.ts"

export const serve: Scenario = {
  name: "serve",
  question:
    "What does it cost to deliver one change to one of many readers, and how long does it take?",
  control: "bare",
  subjects: ["headwater", "bare", "hono streamSSE"],
  sizes: { full: [100, 1_000], smoke: [20] },
  rounds: { full: 3, smoke: 1 },

  argumentsOf: ({ subject }: Task) =>
    subject === "headwater" ? ["--listen", "127.0.0.1:0", "--topic", "bench=memory:"] : [],

  async visit({ subject }: Task): Promise<readonly Measurement[]> {
    answerUsage()
    if (subject === "headwater") {
      // The hub, as `headwater` runs it. It says where it listens.
      const main = new URL("./main.js", import.meta.resolve("@headwater/server"))
      await import(main.href)
    } else {
      const start =
        subject === "bare"
          ? (await import("../servers/control.ts")).serveControl
          : (await import("../servers/hono.ts")).serveHono
      say({ type: "ready", url: await start() })
    }
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const isHub = task.subject === "headwater"
    const url = isHub
      ? ((await server.printed(/listens on (http:[^\s,]+)/))[1] ?? "")
      : (await server.next("ready")).url
    const stream = `${url}/v1/topics/bench/stream`
    const first = await server.usage()
    const readers = await Readers.open(stream, task.size, isHub ? "event: status" : ":")
    try {
      const idle = await server.usage()
      const changes = new Changes(url, task.seed, readers)
      for (let count = 0; count < WARM_CHANGES[task.sizeName]; count++) await changes.next()
      const before = await server.usage()
      changes.forget()
      for (let count = 0; count < CHANGES[task.sizeName]; count++) await changes.next()
      const after = await server.usage()

      changes.check()
      const cpuUs = after.cpuUs - before.cpuUs
      const bytes = (idle.residentBytes - first.residentBytes) / task.size
      return [
        measured("CPU per delivery", "µs", [cpuUs / (CHANGES[task.sizeName] * task.size)]),
        ...changes.latencies(),
        measured("resident per reader", "bytes", [bytes]),
      ]
    } finally {
      readers.close()
    }
  },
}

const CHANGES: Readonly<Record<SizeName, number>> = { full: 300, smoke: 5 }
const WARM_CHANGES: Readonly<Record<SizeName, number>> = { full: 100, smoke: 2 }
const KEYS = 100

/** The first change's number: all have as many digits. */
const FIRST = 10_000

/** Writes changes one after the other, each when the one before has come everywhere. */
class Changes {
  readonly #url: string
  readonly #entries: Entries
  readonly #readers: Readers
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  /** Of each change, how long it took to each reader, in ms. */
  #latencies: number[][] = []
  #next = FIRST

  constructor(url: string, seed: number, readers: Readers) {
    this.#url = url
    this.#entries = new Entries(seed)
    this.#readers = readers
  }

  /** Writes one, and resolves when every reader has it. */
  async next(): Promise<void> {
    const number = this.#next++
    const index = number % KEYS
    const path = `/v1/topics/bench/entry?key=${encodeURIComponent(this.#entries.keyAt(index))}`
    const everywhere = this.#readers.have(`"n":${number},`)
    const began = performance.now()
    const [times] = await Promise.all([
      everywhere,
      this.#put(path, this.#entries.valueTextAt(index, number)),
    ])
    this.#latencies.push(times.map((time) => time - began))
  }

  /** Forgets the latencies so far. */
  forget(): void {
    this.#latencies = []
  }

  /** Every reader got every change, in order, once, with its key and value. */
  check(): void {
    const expected: string[] = []
    for (let number = FIRST; number < this.#next; number++) {
      const index = number % KEYS
      const value = this.#entries.valueTextAt(index, number)
      expected.push(`${this.#entries.keyAt(index)} ${value}`)
    }
    for (const body of this.#readers.bodies()) {
      expectAnswer("what a reader was told", changesIn(body), expected)
    }
  }

  /** p50 of each change over all readers; p99 of all deliveries. */
  latencies(): Measurement[] {
    const all = this.#latencies.flat().sort((a, b) => a - b)
    const medians = this.#latencies.map((times) => summary(times).median)
    return [
      measured("write to reader, p50", "ms", medians),
      measured("write to reader, p99", "ms", [quantile(all, 0.99)]),
    ]
  }

  #put(path: string, value: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const headers = {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(value),
      }
      const put = request(`${this.#url}${path}`, { method: "PUT", agent: this.#agent, headers })
      put.on("error", reject)
      put.on("response", (response) => {
        response.resume()
        response.on("end", () => {
          if (response.statusCode === 200) resolve()
          else reject(new WrongAnswerError(`a write was answered by ${response.statusCode}`))
        })
      })
      put.end(value)
    })
  }
}

function measured(operation: string, unit: string, samples: readonly number[]): Measurement {
  return { operation, unit, samples }
}

/** `key value` of each change in the deltas of a stream, in order. */
function changesIn(body: string): string[] {
  return body
    .split("\n\n")
    .filter((event) => /^event: delta$/m.test(event))
    .flatMap((event) => {
      const data = /^data: (.*)$/m.exec(event)?.[1] ?? ""
      const { changes } = JSON.parse(data) as { changes: { key: string; value: unknown }[] }
      return changes.map(({ key, value }) => `${key} ${JSON.stringify(value)}`)
    })
}
