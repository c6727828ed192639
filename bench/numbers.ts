import { formatNumber } from "./format.ts"
import type { Results } from "./results.ts"
import type { Row } from "./rows.ts"

/** Names of a row; its largest measured size counts. */
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
 * The five numbers of the README, each made of rows alone: where we win, and where we lose.
 * A number without measured rows is left out.
 *
 * @param runtime its name, such as `node24`.
 */
export function numbersOf(results: Results, runtime: string): string[] {
  const rowOf = (place: Place) => largest(results.rows, place, runtime)
  const sentences: (string | undefined)[] = [
    sentenceOf(rowOf(DELIVERY), ({ median, size, ratios, ratioToControl }) => {
      const peers = [
        `${ratio(ratioToControl)} the least code that writes the same bytes`,
        beside(ratios["hono streamSSE"], "Hono's `streamSSE`"),
        beside(ratios["better-sse"], "better-sse"),
      ]
      const last = sentenceOf(rowOf(LATENCY), ({ median }) => {
        return ` 99 % of deliveries arrive within ${formatNumber(median)} ms.`
      })
      const what = `**${formatNumber(median)} µs** of CPU to deliver a change to one of`
      return `${what} ${count(size)} readers: ${peers.join(", ")}.${last ?? ""}`
    }),
    sentenceOf(rowOf(JOIN), ({ median, size, ratios }) => {
      const what = `**${formatNumber(median)} ms** of CPU for each of a thousand readers that join`
      const each = beside(ratios["per client"], "encoding for each")
      const zipped = sentenceOf(rowOf({ ...JOIN, subject: "headwater, gzip" }), (row) => {
        const eachZipped = beside(row.ratios["per client, gzip"], "compressing for each")
        return ` In gzip, ${formatNumber(row.median)} ms: ${eachZipped}.`
      })
      return `${what} ${count(size)} entries at once: ${each}.${zipped ?? ""}`
    }),
    sentenceOf(rowOf(STALLED), ({ median, size }) => {
      const none = rowOf({ ...STALLED, operation: "growth, none stalled" })
      const bare = rowOf({ ...STALLED, subject: "bare" })
      const others = [
        ...(none ? [`${mib(none.median)} while no reader has stopped`] : []),
        ...(bare ? [`${mib(bare.median)} in a server that queues`] : []),
      ]
      const what = `**${mib(median)}** of growth of the server while ${count(size)} changes`
      return `${what} pass a reader that has stopped reading: ${others.join(", ")}.`
    }),
    sentenceOf(rowOf(MEMORY), ({ median, size, ratios, ratioToControl }) => {
      const what = `**${formatNumber(median)} bytes** of memory for each of ${count(size)} entries`
      const map = beside(ratioToControl, "a native `Map`")
      return `${what} of 206: ${map}, ${beside(ratios.immutable, "immutable")}.`
    }),
    sentenceOf(rowOf(WRITE), ({ median, size, ratios }) => {
      const get = sentenceOf(rowOf(GET), ({ median, ratioToControl }) => {
        const time = `**${formatNumber(median)} ns**`
        return ` A \`get\` takes ${time}: ${ratio(ratioToControl)} the time of a native \`Map\`.`
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

function sentenceOf(row: Row | undefined, sentence: (row: Row) => string): string | undefined {
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
