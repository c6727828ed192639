/**
 * Serve under fast change: 2,000 changes a second to many readers.
 *
 * Question: what does one change cost for each reader when many come every second, and how far
 *           behind are the readers when the last one is written?
 * Unit:     µs of CPU for one change to one reader, whether it came alone or merged with others;
 *           ms from the last write until every reader has it.
 * Control:  `bare`, which gathers what is written in one turn of the event loop: the least code
 *           that writes the same bytes.
 * Peers:    none; those of `serve` would write each change to each reader by itself.
 *
 * Changes go round through a thousand keys, each a `PUT` of its own, over 64 connections.
 */
import { Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { Readers } from "../servers/readers.ts"
import { argumentsOf, reach, serveAs } from "../servers/serve-subject.ts"
import { stateIn } from "../servers/stream-changes.ts"
import { Writer } from "../servers/writer.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const serveFlood: Scenario = {
  name: "serve-flood",
  question: "What does a change cost for each reader when 2,000 come every second?",
  control: "bare",
  subjects: ["headwater", "bare"],
  sizes: { full: [1_000], smoke: [20] },
  rounds: { full: 3, smoke: 1 },

  argumentsOf,

  async visit({ subject }: Task): Promise<readonly Measurement[]> {
    await serveAs(subject, { gathers: true })
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const { url, stream, opening } = await reach(task.subject, server)
    const keepEvery = Math.ceil(task.size / KEPT_READERS)
    const keep = (index: number) => index % keepEvery === 0
    const readers = await Readers.open(stream, task.size, opening, { keep })
    const flood = new Flood(url, task.seed, readers)
    try {
      await flood.write(CHANGES[task.sizeName] / 5)
      const before = await server.usage()
      const behindMs = await flood.write(CHANGES[task.sizeName])
      const after = await server.usage()

      flood.check()
      const deliveries = CHANGES[task.sizeName] * task.size
      const cpuUs = (after.cpuUs - before.cpuUs) / deliveries
      return [
        measured("CPU per change and reader", "µs", cpuUs),
        measured("behind after the last write", "ms", behindMs),
      ]
    } finally {
      readers.close()
      flood.close()
    }
  },
}

const CHANGES: Readonly<Record<SizeName, number>> = { full: 10_000, smoke: 200 }
const CHANGES_PER_MS = 2
const TICK_MS = 5
const KEYS = 1_000

/** Readers whose every byte is kept and read afterwards. */
const KEPT_READERS = 20

/** Timeout of the last reader to be in sync, in ms. */
const IN_SYNC_MS_MAX = 60_000

/** The first change's number: all have as many digits. */
const FIRST = 10_000

/** Writes at a steady pace, whether or not the server keeps up. */
class Flood {
  readonly #entries: Entries
  readonly #readers: Readers
  readonly #writer: Writer
  #next = FIRST

  constructor(url: string, seed: number, readers: Readers) {
    this.#entries = new Entries(seed)
    this.#readers = readers
    this.#writer = new Writer(url, 64)
  }

  /** Writes so many, and waits until all readers have the last: how long after it, in ms. */
  async write(changes: number): Promise<number> {
    const from = this.#next
    const everywhere = this.#readers.have(`"n":${from + changes - 1},`, IN_SYNC_MS_MAX)
    const began = performance.now()
    const writes: Promise<void>[] = []
    while (writes.length < changes) {
      const due = Math.min(changes, Math.floor((performance.now() - began) * CHANGES_PER_MS))
      while (writes.length < due) writes.push(this.#writeNext())
      await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    }
    const last = performance.now()
    const [times] = await Promise.all([everywhere, ...writes])
    return Math.max(0, ...times.map((time) => time - last))
  }

  /** Readers hold the last value of every key. */
  check(): void {
    const expected = new Map<string, string>()
    for (let number = FIRST; number < this.#next; number++) {
      expected.set(...this.#entries.changeAt(number, KEYS))
    }
    for (const body of this.#readers.bodies()) {
      expectAnswer("what a reader holds", sorted(stateIn(body)), sorted(expected))
    }
  }

  close(): void {
    this.#writer.close()
  }

  // Connections may be served out of order, and that is the order of a key's values: so a key has
  // its next turn long after this one was answered.
  #writeNext(): Promise<void> {
    return this.#writer.put(this.#entries.changeAt(this.#next++, KEYS))
  }
}

function sorted(state: ReadonlyMap<string, string>): [string, string][] {
  return [...state].sort(([a], [b]) => (a < b ? -1 : 1))
}
