/**
 * Serve beside filters: what a thousand readers with a filter each cost the readers without one.
 *
 * Question: how much later does a change come to a reader of the whole topic, when as many others
 *           as the size says read a filter of their own, and 100 commits a second change one of
 *           these each?
 * Unit:     ms from the write to the reader, on the clock of the load's process, which does both;
 *           µs of the server's CPU for one commit, by its own accounting.
 * Control:  `without filters`: the same hub and writes, and no other readers.
 * Peers:    none: those of `serve` have no filters.
 */
import { answerUsage } from "../channel.ts"
import { Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { becomeHub, HUB_ARGUMENTS, IN_SYNC, urlOfHub } from "../servers/hub.ts"
import { Readers } from "../servers/readers.ts"
import { changesIn } from "../servers/stream-changes.ts"
import { Writer } from "../servers/writer.ts"
import { quantile } from "../statistics.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const serveFilters: Scenario = {
  name: "serve-filters",
  question: "How much later does a change come when many others read a filter of their own?",
  control: "without filters",
  subjects: ["headwater", "without filters"],
  sizes: { full: [1_000], smoke: [20] },
  rounds: { full: 3, smoke: 1 },

  argumentsOf: () => HUB_ARGUMENTS,

  async visit(): Promise<readonly Measurement[]> {
    answerUsage()
    await becomeHub()
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const stream = `${await urlOfHub(server)}/v1/topics/bench/stream`
    const isFiltered = task.subject === "headwater"
    const filtered = isFiltered ? await openFiltered(stream, task.size) : []
    const whole = await Readers.open(stream, WHOLE_READERS, IN_SYNC)
    const load = new Load(new URL(stream).origin, task, whole)
    try {
      await load.write(COMMITS[task.sizeName] / 5)
      load.forget()
      const before = await server.usage()
      await load.write(COMMITS[task.sizeName])
      const after = await server.usage()
      load.check()
      return [
        measured("write to reader of the whole, p50", "ms", load.latency(0.5)),
        measured("write to reader of the whole, p99", "ms", load.latency(0.99)),
        measured("CPU per commit", "µs", (after.cpuUs - before.cpuUs) / COMMITS[task.sizeName]),
      ]
    } finally {
      for (const readers of [whole, ...filtered]) readers.close()
      load.close()
    }
  },
}

const WHOLE_READERS = 20
const COMMITS: Readonly<Record<SizeName, number>> = { full: 1_000, smoke: 10 }
const INTERVAL_MS = 10

/** The first change's number: all have as many digits. */
const FIRST = 10_000

async function openFiltered(stream: string, count: number): Promise<Readers[]> {
  const filtered: Readers[] = []
  for (let n = 0; n < count; n++) {
    const url = `${stream}?prefix=${encodeURIComponent(`mine/${n}/`)}`
    filtered.push(await Readers.open(url, 1, IN_SYNC, { keep: () => false }))
  }
  return filtered
}

/** Writes commits at a steady pace, whether or not the one before has come everywhere. */
class Load {
  readonly #entries: Entries
  readonly #whole: Readers
  readonly #writer: Writer
  readonly #filters: number
  #latencies: number[] = []
  #next = FIRST

  constructor(url: string, task: Task, whole: Readers) {
    this.#entries = new Entries(task.seed)
    this.#filters = task.size
    this.#whole = whole
    this.#writer = new Writer(url, 8)
  }

  /** Writes so many, 100 a second. Resolves when the readers of the whole have each of them. */
  async write(commits: number): Promise<void> {
    let due = performance.now()
    for (let count = 0; count < commits; count++) {
      const number = this.#next++
      due += INTERVAL_MS
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
      const everywhere = this.#whole.have(`"n":${number},`)
      const began = performance.now()
      const [times] = await Promise.all([everywhere, this.#writer.put(this.#changeAt(number))])
      for (const time of times) this.#latencies.push(time - began)
    }
  }

  /** Forgets the latencies so far. */
  forget(): void {
    this.#latencies = []
  }

  /** Every reader of the whole got every change, in order, once. */
  check(): void {
    const expected: { key: string; value: string }[] = []
    for (let number = FIRST; number < this.#next; number++) {
      const [key, value] = this.#changeAt(number)
      expected.push({ key, value })
    }
    for (const body of this.#whole.bodies()) {
      expectAnswer("what a reader was told", changesIn(body), expected)
    }
  }

  latency(part: number): number {
    return quantile(
      [...this.#latencies].sort((a, b) => a - b),
      part,
    )
  }

  close(): void {
    this.#writer.close()
  }

  /** One of the filters lets it through. */
  #changeAt(number: number): [key: string, value: string] {
    const [, value] = this.#entries.changeAt(number, this.#filters)
    return [`mine/${number % this.#filters}/key`, value]
  }
}
