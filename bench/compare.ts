import type { Results } from "./results.ts"
import type { Row } from "./rows.ts"

/** A row that differs from an earlier one by more than both of them scatter. */
export interface Move {
  readonly row: Row
  readonly before: Row
  /** Now divided by before: below 1 is better. */
  readonly ratio: number
  /** The compared quantity: the time itself, or its ratio to the control's. */
  readonly by: "median" | "ratio to control"
}

/** Nothing smaller than this is called a move, however little the samples scatter. */
const NOISE_MIN = 0.05

/**
 * Rows that moved beyond their noise since earlier results, the most moved first.
 *
 * Compares medians where both runs were on one machine with one version of the runtime, and ratios
 * to the control elsewhere. The noise of a comparison is the sum of how far the samples of both
 * rows reach around their medians (p05 to p95, halved), 5 % at least.
 */
export function findMoves(before: Results, now: Results): Move[] {
  const isSameMachine = before.machine.cpu === now.machine.cpu
  const old = new Map(before.rows.map((row) => [keyOf(row), row]))
  const moves: Move[] = []
  for (const row of now.rows) {
    const earlier = old.get(keyOf(row))
    if (earlier === undefined) continue
    const isSame = isSameMachine && before.versions[row.runtime] === now.versions[row.runtime]
    const by = isSame ? "median" : "ratio to control"
    const ratio = isSame
      ? row.median / earlier.median
      : (row.ratioToControl ?? Number.NaN) / (earlier.ratioToControl ?? Number.NaN)
    const noise = Math.max(NOISE_MIN, scatterOf(row) + scatterOf(earlier))
    const hasMoved = ratio > 1 + noise || ratio < 1 / (1 + noise)
    if (Number.isFinite(ratio) && ratio > 0 && hasMoved)
      moves.push({ row, before: earlier, ratio, by })
  }
  return moves.sort((a, b) => distanceOf(b) - distanceOf(a))
}

/** The moves as lines of text, one each. */
export function formatMoves(moves: readonly Move[]): string {
  if (moves.length === 0) return "nothing moved beyond its noise\n"
  const lines = moves.map(({ row, before, ratio, by }) => {
    const { scenario, operation, size, runtime, subject } = row
    const name = [scenario, operation, size, runtime, subject].join(" · ")
    const change = ratio > 1 ? `${ratio.toFixed(2)}× worse` : `${(1 / ratio).toFixed(2)}× better`
    return `${change.padStart(14)}  ${name}: ${before.median} → ${row.median} ${row.unit} (${by})`
  })
  return `${lines.join("\n")}\n`
}

function keyOf({ scenario, operation, size, runtime, subject, unit }: Row): string {
  return JSON.stringify([scenario, operation, size, runtime, subject, unit])
}

function scatterOf({ median, p05, p95 }: Row): number {
  return median > 0 ? (p95 - p05) / 2 / median : 0
}

function distanceOf({ ratio }: Move): number {
  return Math.abs(Math.log(ratio))
}
