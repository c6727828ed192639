/**
 * Serve: one change to many readers.
 *
 * Question: what does it cost a server to deliver a change to one of its readers, and how long does
 *           it take?
 * Unit:     µs of CPU for one delivery, by the server's own accounting; ms from the write to the
 *           reader, on the clock of the load's process, which does both; bytes a reader adds to the
 *           server.
 * Control:  `bare`, the least code that writes the same bytes on this runtime.
 * Peers:    Hono's `streamSSE`, better-sse.
 *
 * The server is a process of its own, of the runtime that is measured: for ours, the command as it
 * is installed, on a topic in memory. The load is this process, on Node, the same for all.
 */
import { Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { Readers } from "../servers/readers.ts"
import { argumentsOf, reach, serveAs } from "../servers/serve-subject.ts"
import { changesIn } from "../servers/stream-changes.ts"
import { Writer } from "../servers/writer.ts"
import { quantile, summary } from "../statistics.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const serve: Scenario = {
  name: "serve",
  question:
    "What does it cost to deliver one change to one of many readers, and how long does it take?",
  control: "bare",
  subjects: ["headwater", "bare", "hono streamSSE", "better-sse"],
  sizes: { full: [100, 1_000], smoke: [20] },
  rounds: { full: 3, smoke: 1 },

  argumentsOf,

  async visit({ subject }: Task): Promise<readonly Measurement[]> {
    await serveAs(subject)
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const { url, stream, opening } = await reach(task.subject, server)
    const first = await server.usage()
    const readers = await Readers.open(stream, task.size, opening)
    const changes = new Changes(url, task.seed, readers)
    try {
      const idle = await server.usage()
      for (let count = 0; count < WARM_CHANGES[task.sizeName]; count++) await changes.next()
      const before = await server.usage()
      changes.forget()
      for (let count = 0; count < CHANGES[task.sizeName]; count++) await changes.next()
      const after = await server.usage()

      changes.check()
      const cpuUs = after.cpuUs - before.cpuUs
      const bytes = (idle.residentBytes - first.residentBytes) / task.size
      return [
        measured("CPU per delivery", "µs", cpuUs / (CHANGES[task.sizeName] * task.size)),
        ...changes.latencies(),
        measured("resident per reader", "bytes", bytes),
      ]
    } finally {
      readers.close()
      changes.close()
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
  readonly #entries: Entries
  readonly #readers: Readers
  readonly #writer: Writer
  /** Of each change, how long it took to each reader, in ms. */
  #latencies: number[][] = []
  #next = FIRST

  constructor(url: string, seed: number, readers: Readers) {
    this.#entries = new Entries(seed)
    this.#readers = readers
    this.#writer = new Writer(url)
  }

  /** Writes one, and resolves when every reader has it. */
  async next(): Promise<void> {
    const number = this.#next++
    const write = this.#entries.changeAt(number, KEYS)
    const everywhere = this.#readers.have(`"n":${number},`)
    const began = performance.now()
    const [times] = await Promise.all([everywhere, this.#writer.put(write)])
    this.#latencies.push(times.map((time) => time - began))
  }

  /** Forgets the latencies so far. */
  forget(): void {
    this.#latencies = []
  }

  /** Every reader got every change, in order, once, with its key and value. */
  check(): void {
    const expected: { key: string; value: string }[] = []
    for (let number = FIRST; number < this.#next; number++) {
      const [key, value] = this.#entries.changeAt(number, KEYS)
      expected.push({ key, value })
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
      measured("write to reader, p50", "ms", ...medians),
      measured("write to reader, p99", "ms", quantile(all, 0.99)),
    ]
  }

  close(): void {
    this.#writer.close()
  }
}
