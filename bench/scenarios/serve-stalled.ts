/**
 * Serve a reader that does not read.
 *
 * Question: what does a reader cost that stops reading while changes pass, and what do the others
 *           notice of it?
 * Unit:     MiB by which the server grows while all changes pass; KiB for each of a hundred stalled
 *           readers; ms from a write to ten other readers, p99. Garbage is collected before memory
 *           is read.
 * Control:  `bare`, which queues what is not taken.
 * Peers:    Hono's `streamSSE`.
 *
 * The size is the number of changes that pass while one reader stalls. Before it, half as many
 * pass to fill what a server keeps anyway, and as many while none stalls: what a process grows by
 * then is its allocator's. After it a twentieth passes while a hundred stall. In the end the one
 * reads on, and has to come to the newest value.
 */
import { Entries } from "../entries.ts"
import type { Scenario } from "../scenario.ts"
import { Readers } from "../servers/readers.ts"
import { argumentsOf, reach, serveAs } from "../servers/serve-subject.ts"
import { Writer } from "../servers/writer.ts"
import { quantile } from "../statistics.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"

export const serveStalled: Scenario = {
  name: "serve-stalled",
  question: "What does a reader cost that stops reading, and what do the others notice of it?",
  control: "bare",
  subjects: ["headwater", "bare", "hono streamSSE"],
  sizes: { full: [1_000_000], smoke: [2_000] },
  rounds: { full: 1, smoke: 1 },

  argumentsOf,

  async visit({ subject }: Task): Promise<readonly Measurement[]> {
    await serveAs(subject)
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const { url, stream, opening } = await reach(task.subject, server)
    const keep = () => false
    const others = await Readers.open(stream, OTHERS, opening, { keep })
    const one = await Readers.open(stream, 1, opening, { keep })
    const traffic = new Traffic(url, task.seed, others)
    try {
      await traffic.pass(task.size / 2)
      const before = await server.usage("collected")
      const alone = await traffic.pass(task.size)
      const between = await server.usage("collected")
      one.stall()
      const beside = await traffic.pass(task.size)
      const after = await server.usage("collected")
      const isCaughtUp = one.have(traffic.last, CAUGHT_UP_MS_MAX)
      one.goOn()
      await isCaughtUp
      const perReader = await growthOf(task, server, traffic, { stream, opening })

      const mib = (from: { residentBytes: number }, to: { residentBytes: number }) =>
        (to.residentBytes - from.residentBytes) / 2 ** 20
      return [
        measured("growth, none stalled", "MiB", mib(before, between)),
        measured("growth, one stalled", "MiB", mib(between, after)),
        measured("growth per stalled reader", "KiB", perReader / 1_024),
        measured("write to others, none stalled, p99", "ms", alone),
        measured("write to others, one stalled, p99", "ms", beside),
      ]
    } finally {
      for (const readers of [others, one]) readers.close()
      traffic.close()
    }
  },
}

/** Readers that go on reading. */
const OTHERS = 10

const STALLED: Readonly<Record<SizeName, number>> = { full: 100, smoke: 5 }

/** Timeout of the stalled reader to catch up, in ms. */
const CAUGHT_UP_MS_MAX = 60_000

/** By how many bytes the server grows for each of many stalled readers, beyond opening them. */
async function growthOf(
  task: Task,
  server: SubjectProcess,
  traffic: Traffic,
  { stream, opening }: { readonly stream: string; readonly opening: string },
): Promise<number> {
  const many = await Readers.open(stream, STALLED[task.sizeName], opening, { keep: () => false })
  try {
    const before = await server.usage("collected")
    many.stall()
    await traffic.pass(task.size / 20)
    const after = await server.usage("collected")
    return (after.residentBytes - before.residentBytes) / STALLED[task.sizeName]
  } finally {
    many.close()
  }
}

const BATCH = 100
const KEYS = 1_000

/** So many commits are written between two whose way to the readers is timed. */
const COMMITS_PER_PROBE = 10

/** Commits of a hundred changes each, as fast as they are taken. */
class Traffic {
  readonly #entries: Entries
  readonly #readers: Readers
  readonly #writer: Writer
  #next = 0

  constructor(url: string, seed: number, readers: Readers) {
    this.#entries = new Entries(seed)
    this.#readers = readers
    this.#writer = new Writer(url, 2)
  }

  /** By which bytes the last change is known. */
  get last(): string {
    return `"n":${this.#next - 1},`
  }

  /** Has so many changes pass. Resolves with the p99 from a write to the readers, in ms. */
  async pass(changes: number): Promise<number> {
    const latencies: number[] = []
    for (let passed = 0; passed < changes; passed += BATCH * COMMITS_PER_PROBE) {
      const commits = Array.from({ length: COMMITS_PER_PROBE - 1 }, () => this.#commit())
      await Promise.all(commits)
      const everywhere = this.#readers.have(`"n":${this.#next + BATCH - 1},`)
      const began = performance.now()
      const [times] = await Promise.all([everywhere, this.#commit()])
      latencies.push(...times.map((time) => time - began))
    }
    return quantile(
      latencies.sort((a, b) => a - b),
      0.99,
    )
  }

  close(): void {
    this.#writer.close()
  }

  #commit(): Promise<void> {
    const changes = Array.from({ length: BATCH }, () => {
      return this.#entries.changeAt(this.#next++, KEYS)
    })
    return this.#writer.batch(changes)
  }
}
