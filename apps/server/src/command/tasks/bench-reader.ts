import { onAbort } from "@headwater/core"
import type { TopicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { lineOf } from "./task-error.ts"

/** The pause of a slow reader after each piece. */
const SLOW_MS = 1_000

/** Characters of the end of a piece that may be the beginning of a marker. */
const CARRY = 64

/** The counts of one reader of a benchmark. */
export interface BenchReader {
  readonly isSlow: boolean
  syncedMs: number | undefined
  bytes: number
  arrived: number
  lost: string | undefined
}

/** The parts of a benchmark that its readers share. */
export interface BenchReading {
  readonly target: TopicTarget
  readonly context: TaskContext
  /** The marker of a write: its group is the number of the write. */
  readonly marker: RegExp
  /** Called at once for each write that arrives at a reader. */
  readonly onArrival: (write: number, reader: BenchReader) => void
  readonly signal: AbortSignal
}

/**
 * Reads a stream as a browser would, but looks into nothing: it searches for the markers of writes,
 * so that many readers cost this process little.
 */
export async function runBenchReader(reader: BenchReader, reading: BenchReading): Promise<void> {
  const { target, context, signal, marker, onArrival } = reading
  const { clock } = context
  const startedAt = clock.elapsed()
  const attempt = new AbortController()
  const letGo = onAbort(signal, () => attempt.abort())
  try {
    const token = await target.hub.token()
    const headers = {
      accept: "text/event-stream",
      ...(token && { authorization: `Bearer ${token}` }),
    }
    const response = await context.fetch(`${target.url}/stream`, {
      headers,
      signal: attempt.signal,
    })
    if (response.status !== 200 || !response.body) {
      reader.lost = `answered ${response.status}`
      return
    }
    const decoder = new TextDecoder()
    let rest = ""
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      reader.bytes += chunk.length
      const text = rest + decoder.decode(chunk, { stream: true })
      if (reader.syncedMs === undefined && text.includes("event: sync")) {
        reader.syncedMs = clock.elapsed() - startedAt
      }
      let end = 0
      for (const match of text.matchAll(marker)) {
        end = match.index + match[0].length
        reader.arrived += 1
        onArrival(Number(match[1]), reader)
      }
      rest = text.slice(Math.max(end, text.length - CARRY))
      if (reader.isSlow) await clock.sleep(SLOW_MS, signal)
    }
    if (!signal.aborted) reader.lost = "the hub ended the stream"
  } catch (error) {
    if (!signal.aborted) reader.lost = lineOf(error)
  } finally {
    letGo()
    attempt.abort()
  }
}
