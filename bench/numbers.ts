import { formatNumber } from "./format.ts"
import type { Results } from "./results.ts"
import type { Row } from "./rows.ts"

/** Where a row is looked for, at the largest size that was measured. */
interface Place {
  readonly scenario: string
  readonly operation: string
  /** Ours, unless named. */
  readonly subject?: string
}

const DELIVERY: Place = { scenario: "serve", operation: "CPU per delivery" }
const LATENCY: Place = { scenario: "serve", operation: "write to reader, p99" }
const JOIN: Place = { scenario: "serve-join", operation: "CPU per reader" }
const STALLED: Place = { scenario: "serve-stalled", operation: "growth, one stalled" }
const MEMORY: Place = { scenario: "memory", operation: "entries held" }
const WRITE: Place = { scenario: "trie", operation: "write + snapshot each" }
const GET: Place = { scenario: "trie", operation: "get, hit" }

/**
 * The five numbers that the README tells, each made of rows alone: where we win, and where we lose.
 * One whose rows were not measured is left out.
 *
 * @param runtime on which.
 */
export function numbersOf(results: Results, runtime: string): string[] {
  const rowOf = (place: Place) => largest(results.rows, place, runtime)
  const sentences: (string | undefined)[] = [
    tell(rowOf(DELIVERY), ({ median, size, ratios, ratioToControl }) => {
      const peers = [
        `${ratio(ratioToControl)} the least code that writes the same bytes`,
        beside(ratios["hono streamSSE"], "Hono's `streamSSE`"),
        beside(ratios["better-sse"], "better-sse"),
      ]
      const last = tell(rowOf(LATENCY), ({ median }) => {
        return ` The last of them has it after ${formatNumber(median)} ms, p99.`
      })
      const what = `**${formatNumber(median)} µs** of CPU to deliver a change to one of`
      return `${what} ${count(size)} readers: ${peers.join(", ")}.${last ?? ""}`
    }),
    tell(rowOf(JOIN), ({ median, size, ratios }) => {
      const what = `**${formatNumber(median)} ms** of CPU for each reader of a thousand who join`
      const each = beside(ratios["per client"], "encoding for each")
      const zipped = tell(rowOf({ ...JOIN, subject: "headwater, gzip" }), (row) => {
        const eachZipped = beside(row.ratios["per client, gzip"], "compressing for each")
        return ` In gzip, ${formatNumber(row.median)} ms: ${eachZipped}.`
      })
      return `${what} at once ${count(size)} entries: ${each}.${zipped ?? ""}`
    }),
    tell(rowOf(STALLED), ({ median, size }) => {
      const none = rowOf({ ...STALLED, operation: "growth, none stalled" })
      const bare = rowOf({ ...STALLED, subject: "bare" })
      const others = [
        ...(none ? [`${mib(none.median)} while none has stopped`] : []),
        ...(bare ? [`${mib(bare.median)} where a server queues`] : []),
      ]
      const what = `**${mib(median)}** by which the server grows while ${count(size)} changes`
      return `${what} pass a reader who has stopped reading: ${others.join(", ")}.`
    }),
    tell(rowOf(MEMORY), ({ median, size, ratios, ratioToControl }) => {
      const what = `**${formatNumber(median)} bytes** of memory for each of ${count(size)} entries`
      const map = beside(ratioToControl, "a native `Map`")
      return `${what} of 206: ${map}, ${beside(ratios.immutable, "immutable")}.`
    }),
    tell(rowOf(WRITE), ({ median, size, ratios }) => {
      const get = tell(rowOf(GET), ({ median, ratioToControl }) => {
        const time = `**${formatNumber(median)} ns**`
        return ` To get one takes ${time}: ${ratio(ratioToControl)} the time of a native \`Map\`.`
      })
      const what = `**${formatNumber(median)} ns** for a write and a snapshot of`
      const peers = [beside(ratios.immutable, "immutable"), beside(ratios.hamt_plus, "hamt_plus")]
      return `${what} ${count(size)} entries: ${peers.join(", ")}.${get ?? ""}`
    }),
  ]
  return sentences.filter((sentence) => sentence !== undefined)
}

function largest(
  rows: readonly Row[],
  { scenario, operation, subject = "headwater" }: Place,
  runtime: string,
): Row | undefined {
  return rows
    .filter((row) => row.scenario === scenario && row.operation === operation)
    .filter((row) => row.subject === subject && row.runtime === runtime)
    .sort((a, b) => b.size - a.size)[0]
}

function tell(row: Row | undefined, sentence: (row: Row) => string): string | undefined {
  return row && sentence(row)
}

/** Ours beside a peer's, by the ratio to it. */
function beside(value: number | null | undefined, peer: string): string {
  if (!value) return `not measured beside ${peer}`
  return value < 1 ? `${ratio(1 / value)} less than ${peer}` : `${ratio(value)} as much as ${peer}`
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
