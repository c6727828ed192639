import type { Scenario } from "./scenario.ts"
import { summary } from "./statistics.ts"
import type { Measurement, Task } from "./task.ts"

/** One line of the results: one operation of one subject at one size on one runtime. */
export interface Row {
  readonly scenario: string
  readonly operation: string
  readonly size: number
  readonly runtime: string
  readonly subject: string
  /** The unit of a sample. Less is better, always. */
  readonly unit: string
  readonly median: number
  readonly p05: number
  readonly p95: number
  /** Samples, over all visits. */
  readonly runs: number
  /** The subject that is the control. */
  readonly control: string
  /** Median divided by the control's; null where the control does not do this, or took nothing. */
  readonly ratioToControl: number | null
  /** Median divided by that of each other subject that does this. */
  readonly ratios: Readonly<Record<string, number | null>>
}

/** The result of one visit. */
export interface Visited {
  readonly task: Task
  readonly measurements: readonly Measurement[]
}

/** Pools the samples of all visits of a scenario into rows, in the order in which they came. */
export function toRows(scenario: Scenario, visits: readonly Visited[]): Row[] {
  const cells = new Map<string, Cell>()
  for (const { task, measurements } of visits) {
    for (const { operation, unit, samples } of measurements) {
      const group = JSON.stringify([operation, task.size, task.runtime])
      const key = `${group} ${task.subject}`
      const cell = cells.get(key) ?? { group, task, operation, unit, samples: [] }
      for (const sample of samples) cell.samples.push(sample)
      cells.set(key, cell)
    }
  }
  const medians = new Map<string, Map<string, number>>()
  for (const { group, task, samples } of cells.values()) {
    const of = medians.get(group) ?? new Map<string, number>()
    medians.set(group, of.set(task.subject, summary(samples).median))
  }
  return [...cells.values()].map((cell) =>
    rowOf(scenario, cell, medians.get(cell.group) ?? new Map()),
  )
}

interface Cell {
  readonly group: string
  readonly task: Task
  readonly operation: string
  readonly unit: string
  readonly samples: number[]
}

function rowOf(scenario: Scenario, cell: Cell, medians: ReadonlyMap<string, number>): Row {
  const { task, operation, unit, samples } = cell
  const { median, p05, p95 } = summary(samples)
  const ratioTo = (other: string) => ratio(median, medians.get(other))
  const others = [...medians.keys()].filter((name) => name !== task.subject)
  return {
    scenario: scenario.name,
    operation,
    size: task.size,
    runtime: task.runtime,
    subject: task.subject,
    unit,
    median: rounded(median),
    p05: rounded(p05),
    p95: rounded(p95),
    runs: samples.length,
    control: scenario.control,
    ratioToControl: ratioTo(scenario.control),
    ratios: Object.fromEntries(others.map((name) => [name, ratioTo(name)])),
  }
}

/**
 * Null where a ratio has no meaning: the divisor is absent, or too small to be measured.
 */
function ratio(value: number, other: number | undefined): number | null {
  if (other === undefined || other <= 0 || value < 0) return null
  return rounded(value / other)
}

function rounded(value: number): number {
  return Number(value.toPrecision(5))
}

/** The faults of a value that should be a row, a line each; none when it is one. */
export function findRowFaults(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return ["a row is an object"]
  const row = value as Record<string, unknown>
  const faults = Object.entries(FIELDS).flatMap(([name, isRight]) =>
    isRight(row[name]) ? [] : [`${name}: ${JSON.stringify(row[name])}`],
  )
  const unknown = Object.keys(row).filter((name) => !(name in FIELDS))
  const { p05, median, p95 } = row as { p05: number; median: number; p95: number }
  const isOrdered = p05 <= median && median <= p95
  return [
    ...faults,
    ...unknown.map((name) => `${name}: no such field`),
    ...(isOrdered ? [] : ["p05, median and p95 ascend"]),
  ]
}

const isText = (value: unknown) => typeof value === "string" && value !== ""
const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value)
const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0
const isRatio = (value: unknown) => value === null || (isNumber(value) && (value as number) >= 0)

const FIELDS: Readonly<Record<keyof Row, (value: unknown) => boolean>> = {
  scenario: isText,
  operation: isText,
  size: isCount,
  runtime: isText,
  subject: isText,
  unit: isText,
  median: isNumber,
  p05: isNumber,
  p95: isNumber,
  runs: (value) => isCount(value) && value !== 0,
  control: isText,
  ratioToControl: isRatio,
  ratios: (value) =>
    typeof value === "object" && value !== null && Object.values(value).every(isRatio),
}
