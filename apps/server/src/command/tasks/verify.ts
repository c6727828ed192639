import { formatPosition, type ValueKind } from "@headwater/protocol"
import { type ComparedEntry, compareEntries, type EntryDifference } from "./compare-entries.ts"
import { print, type TaskContext } from "./task-context.ts"
import { EXIT, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { countText, textTable } from "./text-table.ts"
import { plainText, valueJson, valueLine } from "./value-text.ts"
import { COMMON_MS, readSide, toCommonPosition, type VerifySide } from "./verify-side.ts"

/** Differences that are printed unless `--limit` says otherwise. */
const SHOWN_MAX = 50

/**
 * `headwater verify A B`: compares two topics or files, by key. Values count; revisions count where
 * both are of one epoch. 0: no difference. 1: there are some.
 */
export async function verify(input: TaskInput, context: TaskContext): Promise<number> {
  const [left, right] = [input.argument(0), input.argument(1)]
  if (left === "-" && right === "-") throw new TaskError("only one side is the standard input")
  const read = [await readSide(left, input, context), await readSide(right, input, context)]
  const [a, b] = await toCommonPosition(
    [read[0]!, read[1]!],
    context,
    input.durationMs("wait") ?? COMMON_MS,
  )
  if (a.values !== b.values) {
    throw new TaskError(`${a.name} has ${a.values} values, and ${b.name} ${b.values}`)
  }
  const isOneEpoch = a.position !== undefined && a.position.epoch === b.position?.epoch
  const differences = compareEntries(a.entries, b.entries, isOneEpoch)
  const limit = input.count("limit") ?? SHOWN_MAX
  if (input.flag("json")) await print(context, jsonOf(a, b, differences, limit))
  else await show(a, b, differences, limit, isOneEpoch, context)
  return differences.length > 0 ? EXIT.no : EXIT.done
}

async function show(
  a: VerifySide,
  b: VerifySide,
  differences: readonly EntryDifference[],
  limit: number,
  isOneEpoch: boolean,
  context: TaskContext,
): Promise<void> {
  const { colors } = context
  const row = (name: string, side: VerifySide) => [
    name,
    side.position ? formatPosition(side.position) : "-",
    countText(side.entries.size),
    side.digest ?? "-",
    side.name,
  ]
  const table = textTable(
    [
      ["", "left"],
      ["POSITION", "left"],
      ["ENTRIES", "right"],
      ["DIGEST", "left"],
      ["OF", "left"],
    ],
    [row("A", a), row("B", b)],
  )
  for (const line of table) await print(context, line)
  const total = new Set([...a.entries.keys(), ...b.entries.keys()]).size
  if (differences.length === 0) {
    const compared = isOneEpoch ? "values and revisions" : "values; the epochs differ"
    await print(context, colors.green(`equal: ${countText(total)} keys, ${compared}`))
    return
  }
  for (const difference of differences.slice(0, limit)) {
    await print(context, lineOf(difference, a.values, context))
  }
  const rest = differences.length - limit
  if (rest > 0) await print(context, `… and ${countText(rest)} more; see --limit`)
  const count = `${countText(differences.length)} of ${countText(total)} keys differ`
  await print(context, colors.red(count))
}

function lineOf(
  { key, a, b }: EntryDifference,
  values: ValueKind,
  { colors }: TaskContext,
): string {
  const name = plainText(key)
  const value = (side: ComparedEntry) => valueLine(side.value, values, VALUE_COLUMNS)
  if (b === undefined) return colors.red(`only in A  ${name}  ${value(a!)}`)
  if (a === undefined) return colors.green(`only in B  ${name}  ${value(b)}`)
  if (value(a) !== value(b)) {
    return colors.yellow(`differs    ${name}  A: ${value(a)}  B: ${value(b)}`)
  }
  const revisions = `A: revision ${a.revision}  B: revision ${b.revision}`
  return colors.yellow(`differs    ${name}  ${revisions}  value: ${value(a)}`)
}

const VALUE_COLUMNS = 60

function jsonOf(
  a: VerifySide,
  b: VerifySide,
  differences: readonly EntryDifference[],
  limit: number,
): string {
  const facts = ({ name, position, digest, entries }: VerifySide) => ({
    name,
    position: position ? formatPosition(position) : null,
    entries: entries.size,
    digest: digest ?? null,
  })
  const head = { equal: differences.length === 0, a: facts(a), b: facts(b) }
  const side = (entry: ComparedEntry | undefined) => {
    if (entry === undefined) return "null"
    const value = valueJson(entry.value, a.values)
    return `{"value":${value},"revision":${entry.revision ?? null}}`
  }
  const list = differences
    .slice(0, limit)
    .map((one) => `{"key":${JSON.stringify(one.key)},"a":${side(one.a)},"b":${side(one.b)}}`)
  const counts = `"differences":${differences.length},"differing":[${list.join(",")}]`
  return `${JSON.stringify(head).slice(0, -1)},${counts}}`
}
