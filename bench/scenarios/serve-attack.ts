/**
 * Serve under attack: what clients that mean harm cost the readers and writers that do not.
 *
 * Question: how much later are a write answered and its change received while other clients hold
 *           connections, or open, pipeline and trickle as many as the size says?
 * Unit:     ms from the write to its answer, and to the reader, on the clock of the load's process,
 *           which does both; the attack runs in a thread of it. µs of the server's CPU for a write
 *           and the attack beside it.
 * Subjects: `headwater` under all attacks at once, which share the connections, and under each.
 * Control:  `quiet`: the same hub and writes, and no attack.
 * Peers:    none.
 *
 * All of it comes from loopback, where bounds by address do not count: from another address, one
 * client has 500 connections, 200 streams and 500 requests a second.
 */
import { answerUsage } from "../channel.ts"
import { Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { type AttackName, startAttack } from "../servers/attack.ts"
import { becomeHub, HUB_ARGUMENTS, IN_SYNC, urlOfHub } from "../servers/hub.ts"
import { Readers } from "../servers/readers.ts"
import { changesIn } from "../servers/stream-changes.ts"
import { Writer } from "../servers/writer.ts"
import { quantile } from "../statistics.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

const ATTACKS: Readonly<Record<string, AttackName>> = {
  "silent connections": "silent",
  "stalled readers": "stalled",
  "connects and leaves": "connects",
  "slow heads": "heads",
  "slow bodies": "bodies",
  "pipelined requests": "pipelined",
}

export const serveAttack: Scenario = {
  name: "serve-attack",
  question: "How much later do writes and changes come while other clients attack?",
  control: "quiet",
  subjects: ["headwater", "quiet", ...Object.keys(ATTACKS)],
  sizes: { full: [2_000], smoke: [20] },
  rounds: { full: 3, smoke: 1 },

  argumentsOf: () => HUB_ARGUMENTS,

  async visit(): Promise<readonly Measurement[]> {
    answerUsage()
    await becomeHub()
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const url = await urlOfHub(server)
    const readers = await Readers.open(`${url}/v1/topics/bench/stream`, READERS, IN_SYNC)
    const load = new Load(url, task, readers)
    const names = attacksOf(task.subject)
    const size = Math.ceil(task.size / names.length)
    const attacks = await Promise.all(names.map((name) => startAttack(name, url, size)))
    try {
      await load.write(WRITES[task.sizeName] / 5)
      load.forget()
      const before = await server.usage()
      await load.write(WRITES[task.sizeName])
      const after = await server.usage()
      load.check()
      const cpuUs = (after.cpuUs - before.cpuUs) / WRITES[task.sizeName]
      return [
        measured("write to answer, p50", "ms", quantileOf(load.answers, 0.5)),
        measured("write to answer, p99", "ms", quantileOf(load.answers, 0.99)),
        measured("write to reader, p50", "ms", quantileOf(load.arrivals, 0.5)),
        measured("write to reader, p99", "ms", quantileOf(load.arrivals, 0.99)),
        measured("CPU per write and attack", "µs", cpuUs),
      ]
    } finally {
      for (const attack of attacks) await attack.stop()
      readers.close()
      load.close()
    }
  },
}

/** The attacks that a subject is under: `headwater` under all of them at once. */
function attacksOf(subject: string): readonly AttackName[] {
  if (subject === "headwater") return Object.values(ATTACKS)
  const attack = ATTACKS[subject]
  return attack === undefined ? [] : [attack]
}

const READERS = 20
const WRITES: Readonly<Record<SizeName, number>> = { full: 1_000, smoke: 10 }
const INTERVAL_MS = 10
const KEYS = 1_000

/** The first change's number: all have as many digits. */
const FIRST = 10_000

/** Writes at a steady pace, and notes how long answers and changes take. */
class Load {
  readonly #entries: Entries
  readonly #readers: Readers
  readonly #writer: Writer
  #next = FIRST
  answers: number[] = []
  arrivals: number[] = []

  constructor(url: string, task: Task, readers: Readers) {
    this.#entries = new Entries(task.seed)
    this.#readers = readers
    this.#writer = new Writer(url, 8)
  }

  /** Writes so many, 100 a second. Resolves when the readers have each of them. */
  async write(count: number): Promise<void> {
    let due = performance.now()
    for (let written = 0; written < count; written++) {
      const number = this.#next++
      due += INTERVAL_MS
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, due - performance.now())))
      const everywhere = this.#readers.have(`"n":${number},`)
      const began = performance.now()
      await this.#writer.put(this.#entries.changeAt(number, KEYS))
      this.answers.push(performance.now() - began)
      for (const time of await everywhere) this.arrivals.push(time - began)
    }
  }

  /** Forgets the times so far. */
  forget(): void {
    this.answers = []
    this.arrivals = []
  }

  /** Every reader got every change, in order, once. */
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

  close(): void {
    this.#writer.close()
  }
}

function quantileOf(times: readonly number[], part: number): number {
  return quantile(
    [...times].sort((a, b) => a - b),
    part,
  )
}
