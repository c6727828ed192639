/**
 * Serve a thousand readers that join at once.
 *
 * Question: what does each of many new readers cost that join at once, and how long
 *           does everything else wait meanwhile?
 * Unit:     ms of CPU, and of time, for each reader; bytes that each is sent; how often the whole
 *           snapshot was encoded, for each reader; ms that something which comes at any moment
 *           waits for its turn.
 * Control:  `encoded once`: a `Map` whose entries are encoded once and written to every reader.
 * Peers:    `per client`: the same, encoded for each reader, as most servers do, and `per client,
 *           gzip`: and compressed for each; a tenth as many readers join them.
 *
 * `headwater, gzip` is the hub with `--compress`, asked for gzip. One reader's body is taken apart
 * and compared whole.
 */
import { answerUsage, say } from "../channel.ts"
import { Entries } from "../entries.ts"
import { LoopDelay } from "../loop-delay.ts"
import type { Scenario } from "../scenario.ts"
import { becomeHub, countEncoded, HUB_ARGUMENTS, urlOfHub } from "../servers/hub.ts"
import { type JoiningWay, joiningServer } from "../servers/joining.ts"
import { Readers } from "../servers/readers.ts"
import { entriesIn } from "../servers/stream-changes.ts"
import { Writer } from "../servers/writer.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const serveJoin: Scenario = {
  name: "serve-join",
  question: "What does each of a thousand new readers cost that join at once?",
  control: "encoded once",
  subjects: ["headwater", "headwater, gzip", "encoded once", "per client", "per client, gzip"],
  sizes: { full: [100_000], smoke: [1_000] },
  rounds: { full: 2, smoke: 1 },

  argumentsOf({ subject }: Task): readonly string[] {
    if (!isHub(subject)) return []
    return isZipped(subject) ? [...HUB_ARGUMENTS, "--compress"] : HUB_ARGUMENTS
  },

  async visit({ subject, size, seed }: Task): Promise<readonly Measurement[]> {
    const delay = new LoopDelay()
    const way = WAYS[subject]
    const server = way && joiningServer(size, seed, way)
    const encoded = server === undefined ? await countEncoded() : server.encoded
    answerUsage(() => ({ encoded: encoded(), ...delay.take() }))
    if (server === undefined) await becomeHub()
    else say({ type: "ready", url: await server.serve() })
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    const { subject, size, sizeName, seed } = task
    const url = isHub(subject) ? await urlOfHub(server) : (await server.next("ready")).url
    const stream = `${url}/v1/topics/bench/stream`
    if (isHub(subject)) await fill(url, size, seed)
    const count = READERS[sizeName] / (subject.startsWith("per client") ? 10 : 1)
    const options = { keep: (index: number) => index === 0, gzip: isZipped(subject) }
    const readers = await Readers.connect(stream, count, options)
    try {
      const before = await server.usage()
      const began = performance.now()
      const times = await readers.ask(markOf(subject, size), JOINED_MS_MAX)
      const after = await server.usage()

      check(readers, size, seed)
      const { encoded = 0, p99 = 0, max = 0 } = after.more
      const snapshots = (encoded - (before.more.encoded ?? 0)) / size
      const cpuMs = (after.cpuUs - before.cpuUs) / 1_000
      const tookMs = Math.max(...times) - began
      return [
        measured("CPU per reader", "ms", cpuMs / count),
        measured("time per reader", "ms", tookMs / count),
        measured("bytes per reader", "bytes", Math.max(...readers.bytes())),
        measured("snapshots encoded per reader", "snapshots", snapshots / count),
        measured("wait for a turn, p99", "ms", p99),
        measured("wait for a turn, longest", "ms", max),
      ]
    } finally {
      readers.close()
    }
  },
}

/** The form in which the peers' servers send a snapshot. */
const WAYS: Readonly<Record<string, JoiningWay | undefined>> = {
  "encoded once": "once",
  "per client": "each",
  "per client, gzip": "each, gzip",
}

function isHub(subject: string): boolean {
  return WAYS[subject] === undefined
}

function isZipped(subject: string): boolean {
  return subject.endsWith(", gzip")
}

/** The bytes that end a snapshot: the `sync`, which our gzip stores as it is; or the end. */
function markOf(subject: string, size: number): string {
  return subject === "per client, gzip" ? "\r\n0\r\n\r\n" : `"entries":${size}`
}

const READERS: Readonly<Record<SizeName, number>> = { full: 1_000, smoke: 20 }

/** Timeout until every reader has joined, in ms. */
const JOINED_MS_MAX = 300_000

/** Entries of one commit while the hub is filled. */
const BATCH = 100

async function fill(url: string, size: number, seed: number): Promise<void> {
  const entries = new Entries(seed)
  const writer = new Writer(url)
  for (let from = 0; from < size; from += BATCH) {
    const indexes = Array.from({ length: Math.min(BATCH, size - from) }, (_, at) => from + at)
    await writer.batch(indexes.map((index) => [entries.keyAt(index), entries.valueTextAt(index)]))
  }
  writer.close()
}

/** One reader has every entry, and the others as many bytes, but for a comment now and then. */
function check(readers: Readers, size: number, seed: number): void {
  const entries = new Entries(seed)
  const [body = ""] = readers.bodies()
  const got = new Map(entriesIn(body).map(({ key, value }) => [key, value]))
  expectAnswer("how many entries a reader has", got.size, size)
  for (let index = 0; index < size; index++) {
    const key = entries.keyAt(index)
    expectAnswer(`the value of ${key}`, got.get(key), entries.valueTextAt(index))
  }
  const bytes = readers.bytes()
  const least = Math.min(...bytes)
  const isSame = least > Math.max(...bytes) - 4_096
  expectAnswer("readers that got less than others", isSame, true)
}
