import { formatNumber } from "./format.ts"
import type { Results } from "./results.ts"
import type { Row } from "./rows.ts"

/** Where a row is looked for: ours, at the largest size that was measured. */
interface Place {
  readonly scenario: string
  readonly operation: string
}

const DELIVERY: Place = { scenario: "serve", operation: "CPU per delivery" }
const LATENCY: Place = { scenario: "serve", operation: "write to reader, p99" }
const JOIN: Place = { scenario: "serve-join", operation: "CPU per reader" }
const STALLED: Place = { scenario: "serve-stalled", operation: "growth, one stalled" }
const MEMORY: Place = { scenario: "memory", operation: "entries held" }
const WRITE: Place = { scenario: "trie", operation: "write + snapshot each" }
const GET: Place = { scenario: "trie", operation: "get, hit" }

/**
 * The numbers that the README tells, each a sentence made of rows alone: where we win, and where we
 * lose. One whose rows were not measured is left out.
 *
 * @param runtime on which.
 */
export function numbersOf(results: Results, runtime: string): string[] {
  const rowOf = (place: Place) => largest(results.rows, place, runtime)
  const sentences: (string | undefined)[] = [
    tell(rowOf(DELIVERY), ({ median, size, ratios, ratioToControl }) => {
      const peers = [
        `${ratio(ratioToControl)} the least code that writes the same bytes`,
        `${ratio(inverse(ratios["hono streamSSE"]))} less than Hono's \`streamSSE\``,
        `${ratio(inverse(ratios["better-sse"]))} less than better-sse`,
      ]
      const what = `**${formatNumber(median)} µs** of CPU to deliver a change to one of`
      return `${what} ${count(size)} readers: ${peers.join(", ")}.`
    }),
    tell(rowOf(LATENCY), ({ median, size }) => {
      return `**${formatNumber(median)} ms** from a write to ${count(size)} readers, p99.`
    }),
    tell(rowOf(JOIN), ({ median, size, ratios }) => {
      const per = ratio(inverse(ratios["per client"]))
      const what = `**${formatNumber(median)} ms** of CPU for each reader of a thousand who join`
      return `${what} at once ${count(size)} entries: ${per} less than encoding for each.`
    }),
    tell(rowOf(STALLED), ({ median, size }) => {
      const none = rowOf({ ...STALLED, operation: "growth, none stalled" })
      const bare = largest(results.rows, STALLED, runtime, "bare")
      const beside = [
        ...(none ? [`${mib(none.median)} while none has stopped`] : []),
        ...(bare ? [`${mib(bare.median)} where a server queues`] : []),
      ]
      const what = `**${mib(median)}** by which the server grows while ${count(size)} changes`
      return `${what} pass a reader who has stopped reading: ${beside.join(", ")}.`
    }),
    tell(rowOf(MEMORY), ({ median, size, ratios, ratioToControl }) => {
      const { immutable = null } = ratios
      const what = `**${formatNumber(median)} bytes** of memory for each of ${count(size)} entries`
      const map = `${ratio(inverse(ratioToControl))} less than a native \`Map\``
      return `${what} of 206: ${map}, ${ratio(inverse(immutable))} less than immutable.`
    }),
    tell(rowOf(WRITE), ({ median, size, ratios }) => {
      const { immutable = null } = ratios
      const what = `**${formatNumber(median / 1_000)} µs** for a write and a snapshot of`
      return `${what} ${count(size)} entries: ${ratio(inverse(immutable))} less than immutable.`
    }),
    tell(rowOf(GET), ({ median, size, ratioToControl }) => {
      const what = `**${formatNumber(median)} ns** to get one of ${count(size)} entries:`
      return `${what} ${ratio(ratioToControl)} as long as a native \`Map\`, without versions.`
    }),
  ]
  return sentences.filter((sentence) => sentence !== undefined)
}

function largest(
  rows: readonly Row[],
  { scenario, operation }: Place,
  runtime: string,
  subject = "headwater",
): Row | undefined {
  return rows
    .filter((row) => row.scenario === scenario && row.operation === operation)
    .filter((row) => row.subject === subject && row.runtime === runtime)
    .sort((a, b) => b.size - a.size)[0]
}

function tell(row: Row | undefined, sentence: (row: Row) => string): string | undefined {
  return row && sentence(row)
}

function inverse(value: number | null | undefined): number | null {
  return value ? 1 / value : null
}

function ratio(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : `${value.toPrecision(2)}×`
}

function mib(amount: number): string {
  return `${formatNumber(Math.max(0, amount))} MiB`
}

function count(size: number): string {
  return size.toLocaleString("en-US")
}
