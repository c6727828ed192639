import { LinkedAbort } from "@headwater/core"
import { CONTENT_TYPES } from "@headwater/protocol"
import { BatchWriter } from "./batch-writer.ts"
import { type BenchReader, runBenchReader } from "./bench-reader.ts"
import { entryPath } from "./get.ts"
import { Histogram } from "./histogram.ts"
import { hubOrTopic } from "./hub-or-topic.ts"
import { askHub, type TopicFacts } from "./hub-request.ts"
import { type TopicTarget, topicOf } from "./hub-target.ts"
import { print, say, type TaskContext } from "./task-context.ts"
import { EXIT, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { bytesText, countText, spanText } from "./text-table.ts"
import { listTopics } from "./topics.ts"

const READERS = 100
const DURATION_MS = 10_000
/** The longest wait for all readers to be in sync, and for the last writes to arrive. */
const SYNC_MS = 30_000
const ARRIVAL_MS = 3_000
/** Keys that the writes go round. A key of its own for each would fill the topic. */
const KEYS = 100

/** A benchmark that runs. */
interface Bench {
  readonly target: TopicTarget
  readonly context: TaskContext
  readonly name: string
  readonly values: "json" | "text" | "binary"
  readonly readers: readonly BenchReader[]
  readonly latency: Histogram
  readonly answers: Histogram
  /** When each write was sent. */
  readonly sentAt: number[]
}

/**
 * `headwater bench TOPIC`: opens streams, slow ones too, and writes meanwhile with `--rate`. It
 * measures the time from each write to each reader. Keys below `headwater-bench/` are its own.
 */
export async function bench(input: TaskInput, context: TaskContext): Promise<number> {
  const target = await benchTarget(input, context)
  const count = input.count("readers", 1, 100_000) ?? READERS
  const slow = input.count("slow", 0, count) ?? 0
  const rate = input.count("rate", 0, 10_000) ?? 0
  const durationMs = input.durationMs("duration") ?? DURATION_MS
  const answer = await askHub(context, target.hub, `/v1/topics/${target.topic}`)
  const { values } = (await answer.json()) as TopicFacts
  if (values === "binary" && rate > 0) throw new TaskError("--rate needs a topic of JSON or text")
  const name = crypto.randomUUID().slice(0, 8)
  const readers = Array.from(
    { length: count },
    (_, at): BenchReader => ({
      isSlow: at < slow,
      syncedMs: undefined,
      bytes: 0,
      arrived: 0,
      lost: undefined,
    }),
  )
  const run: Bench = {
    target,
    context,
    name,
    values,
    readers,
    latency: new Histogram(),
    answers: new Histogram(),
    sentAt: [],
  }
  const ending = new LinkedAbort(context.signal)
  const reading = readAll(run, ending.signal)
  let measuredMs = 0
  try {
    await allInSync(run)
    const bytesBefore = sum(readers.map(({ bytes }) => bytes))
    const startedAt = context.clock.elapsed()
    await write(run, rate, durationMs)
    measuredMs = context.clock.elapsed() - startedAt
    if (rate > 0) await allArrived(run)
    const bytes = sum(readers.map((reader) => reader.bytes)) - bytesBefore
    await report(run, { rate, measuredMs, bytes }, input)
  } finally {
    ending.abort()
    await reading
    if (rate > 0 && !context.signal.aborted) await cleanUp(run)
  }
  return readers.some(({ lost }) => lost !== undefined) ? EXIT.no : EXIT.done
}

// Of a hub with one topic, its address is enough.
async function benchTarget(input: TaskInput, context: TaskContext): Promise<TopicTarget> {
  const { hub, topic } = await hubOrTopic(input, context)
  if (topic !== undefined) return topicOf(hub, topic)
  const names = (await listTopics(context, hub)).map((one) => one.topic)
  if (names.length === 1) return topicOf(hub, names[0]!)
  throw new TaskError(`say which topic of ${hub.url}: ${names.join(", ") || "it has none"}`)
}

async function readAll(run: Bench, signal: AbortSignal): Promise<void> {
  const { target, context, name, latency, sentAt } = run
  const marker = new RegExp(`hwb-${name}-(\\d+)-`, "g")
  const onArrival = (write: number, { isSlow }: BenchReader) => {
    if (!isSlow) latency.add(context.clock.elapsed() - sentAt[write]!)
  }
  await Promise.all(
    run.readers.map((reader) =>
      runBenchReader(reader, { target, context, marker, onArrival, signal }),
    ),
  )
}

async function allInSync({ readers, context }: Bench): Promise<void> {
  const { clock, signal } = context
  const until = clock.elapsed() + SYNC_MS
  const isOpening = ({ syncedMs, lost }: BenchReader) =>
    syncedMs === undefined && lost === undefined
  while (readers.some(isOpening) && clock.elapsed() < until) await clock.sleep(20, signal)
}

async function allArrived({ readers, context, sentAt }: Bench): Promise<void> {
  const { clock, signal } = context
  const until = clock.elapsed() + ARRIVAL_MS
  const isBehind = ({ isSlow, lost, arrived }: BenchReader) =>
    !isSlow && lost === undefined && arrived < sentAt.length
  while (readers.some(isBehind) && clock.elapsed() < until) await clock.sleep(20, signal)
}

// Writes at a steady rate, whether the answers are there or not; without a rate it only waits.
async function write(run: Bench, rate: number, durationMs: number): Promise<void> {
  const { context, sentAt } = run
  const { clock, signal } = context
  if (rate === 0) return clock.sleep(durationMs, signal)
  const startedAt = clock.elapsed()
  const pending = new Set<Promise<void>>()
  const failures: unknown[] = []
  for (let n = 0; clock.elapsed() - startedAt < durationMs && failures.length === 0; n++) {
    const dueMs = (n * 1_000) / rate - (clock.elapsed() - startedAt)
    if (dueMs > 0) await clock.sleep(dueMs, signal)
    sentAt[n] = clock.elapsed()
    const sent = writeOne(run, n).catch((error) => {
      failures.push(error)
    })
    pending.add(sent)
    sent.finally(() => pending.delete(sent)).catch(() => {})
  }
  await Promise.all(pending)
  if (failures.length > 0) throw failures[0]
}

async function writeOne({ target, context, name, values, answers }: Bench, n: number) {
  const body = values === "json" ? `"hwb-${name}-${n}-"` : `hwb-${name}-${n}-`
  const headers = { "content-type": CONTENT_TYPES[values] }
  const startedAt = context.clock.elapsed()
  const request = { method: "PUT", headers, body }
  const answer = await askHub(context, target.hub, entryPath(target, keyOf(n)), request)
  await answer.arrayBuffer()
  answers.add(context.clock.elapsed() - startedAt)
}

function keyOf(n: number): string {
  return `headwater-bench/${n % KEYS}`
}

async function cleanUp({ target, context, sentAt }: Bench): Promise<void> {
  const writer = new BatchWriter(target, context)
  for (let n = 0; n < Math.min(KEYS, sentAt.length); n++) await writer.delete(keyOf(n))
  await writer.flush()
}

interface Measured {
  readonly rate: number
  readonly measuredMs: number
  readonly bytes: number
}

async function report(run: Bench, measured: Measured, input: TaskInput): Promise<void> {
  const { readers, latency, answers, sentAt, target, context } = run
  const synced = new Histogram()
  for (const { syncedMs } of readers) if (syncedMs !== undefined) synced.add(syncedMs)
  const lost = readers.filter((reader) => reader.lost !== undefined)
  const fast = readers.filter(({ isSlow }) => !isSlow)
  const slow = readers.filter(({ isSlow }) => isSlow)
  const arrived = sum(readers.map((reader) => reader.arrived))
  const perSecond = (count: number) => (count / Math.max(1, measured.measuredMs)) * 1_000
  if (input.flag("json")) {
    const facts = {
      topic: target.url,
      readers: readers.length,
      slow: slow.length,
      lost: lost.length,
      inSync: { count: synced.count, ...synced.summary() },
      writes: { count: sentAt.length, ...answers.summary() },
      deliveries: arrived,
      deliveriesPerSecond: Math.round(perSecond(arrived)),
      bytesPerSecond: Math.round(perSecond(measured.bytes)),
      latency: { ...latency.summary(), classes: latency.classes() },
    }
    return print(context, JSON.stringify(facts))
  }
  const times = (histogram: Histogram) => {
    const { p50, p90, p99, max } = histogram.summary()
    return `p50 ${spanText(p50)}  p90 ${spanText(p90)}  p99 ${spanText(p99)}  max ${spanText(max)}`
  }
  const line = (name: string, text: string) => print(context, `${name.padEnd(11)} ${text}`)
  await line("readers", `${synced.count} of ${readers.length} in sync: ${times(synced)}`)
  await line("bytes", `${bytesText(Math.round(perSecond(measured.bytes)))}/s`)
  for (const { lost: reason } of lost.slice(0, 3)) await line("lost", reason!)
  if (lost.length > 0) await line("lost", `${lost.length} links`)
  if (measured.rate === 0) {
    await say(context, "give --rate to write, and to measure the time from a write to each reader")
    return
  }
  await line("writes", `${countText(sentAt.length)} answered: ${times(answers)}`)
  await line("deliveries", `${countText(arrived)}, ${countText(perSecond(arrived))}/s`)
  await line("arrived", arrivals("fast", fast, sentAt.length))
  if (slow.length > 0) await line("", arrivals("slow", slow, sentAt.length))
  await line("latency", `from a write to a fast reader: ${times(latency)}`)
  for (const text of latency.lines()) await print(context, context.colors.cyan(text))
}

function arrivals(kind: string, readers: readonly BenchReader[], writes: number): string {
  const counts = readers.map(({ arrived }) => arrived)
  const least = countText(counts.length > 0 ? Math.min(...counts) : 0)
  const all = `${least} of ${countText(writes)} writes at the ${kind} reader with the fewest`
  if (counts.every((count) => count === writes)) return `${all}: nothing was left out`
  return `${all}; the hub merges writes of one key for a reader that is behind`
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
