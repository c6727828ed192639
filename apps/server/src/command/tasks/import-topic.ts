import { decodeUtf8, type Entry } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import { sqliteFileEntries } from "@headwater/syncer/sqlite"
import type { Terminal } from "../../runtime/terminal.ts"
import { BatchWriter } from "./batch-writer.ts"
import { type EntryLine, type FileLine, readEntryFile } from "./entry-file.ts"
import { topicTarget } from "./hub-target.ts"
import { ProgressLine } from "./progress-line.ts"
import { isSameBytes } from "./same-bytes.ts"
import { print, say, type TaskContext } from "./task-context.ts"
import { EndedError, EXIT, lineOf, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { countText, spanText } from "./text-table.ts"
import { readTopic } from "./topic-stream.ts"
import { plainText, valueBytes, valueJson, valueLine } from "./value-text.ts"

/** The work of one import so far. */
interface Import {
  readonly file: string
  readonly values: ValueKind
  /** The entries of the topic before it; with each change, as they then are. */
  readonly present: Map<string, Uint8Array>
  readonly writer: BatchWriter
  readonly isDryRun: boolean
  readonly context: TaskContext
  /** The keys of the file: the others are deleted where that was asked for. */
  readonly seen: Set<string>
  read: number
  changed: number
  bytes: number
}

/**
 * `headwater import TOPIC FILE`: writes the entries of a file that the topic lacks or has with
 * other values. Run again after an interruption, it goes on where it was.
 */
export async function importTopic(input: TaskInput, context: TaskContext): Promise<number> {
  return importFile(input, context, input.flag("delete"))
}

/**
 * `headwater restore TOPIC FILE`: makes a topic what it was at a backup or an export, while its hub
 * serves it. Readers get the difference, as any other change.
 */
export async function restore(input: TaskInput, context: TaskContext): Promise<number> {
  return importFile(input, context, true)
}

async function importFile(
  input: TaskInput,
  context: TaskContext,
  deletesOthers: boolean,
): Promise<number> {
  const target = await topicTarget(input.argument(0), input, context)
  const file = input.argument(1)
  const state = await readTopic(target, {}, context)
  const present = new Map([...state.entries.values()].map(({ key, value }: Entry) => [key, value]))
  const work: Import = {
    file,
    values: state.values,
    present,
    writer: new BatchWriter(target, context),
    isDryRun: input.flag("dry-run"),
    context,
    seen: new Set(),
    read: 0,
    changed: 0,
    bytes: 0,
  }
  const before = [...present.keys()]
  const progress = new ProgressLine("imported", context)
  try {
    await importEntries(work, progress)
    if (deletesOthers) await deleteOthers(work, before)
    await work.writer.flush()
  } catch (error) {
    await progress.clear()
    throw stopped(error, work)
  }
  await progress.clear()
  const rate = (work.read / Math.max(1, progress.elapsedMs)) * 1_000
  const time = `${spanText(progress.elapsedMs)}, ${countText(rate)}/s`
  const changed = `${countText(work.changed)} ${work.isDryRun ? "would change" : "changed"}`
  const at = work.writer.position ? `; ${target.topic} is at ${work.writer.position}` : ""
  await say(context, `read ${countText(work.read)} entries in ${time}: ${changed}${at}`)
  return work.isDryRun && work.changed > 0 ? EXIT.no : EXIT.done
}

async function importEntries(work: Import, progress: ProgressLine): Promise<void> {
  const { file, context, values } = work
  const total = file === "-" ? undefined : await context.terminal.fileBytes(file)
  const onBytes = (bytes: number) => {
    work.bytes = bytes
  }
  for await (const line of linesIn(work, onBytes)) {
    context.signal.throwIfAborted()
    if (line.type === "head" && line.values !== values) {
      throw new TaskError(`${file} has ${line.values} values, and the topic ${values}`)
    }
    if (line.type !== "entry") continue
    work.read += 1
    await importEntry(work, line)
    await progress.show({ done: work.bytes, total, entries: work.read })
  }
}

// A backup is a sqlite file; every other file has an entry a line.
async function* linesIn({ file, values, context }: Import, onBytes: (bytes: number) => void) {
  if (!(await isSqlite(file, context.terminal))) {
    yield* readEntryFile(file, context.terminal, onBytes)
    return
  }
  let line = 0
  for (const { key, value } of sqliteFileEntries(file)) {
    line += 1
    const json = valueJson(value, values)
    yield { type: "entry", line, key, json, revision: undefined } satisfies FileLine
  }
}

async function isSqlite(file: string, terminal: Terminal): Promise<boolean> {
  if ((await terminal.fileBytes(file)) === undefined) return false
  for await (const chunk of terminal.readFile(file)) {
    return decodeUtf8(chunk.subarray(0, SQLITE.length)) === SQLITE
  }
  return false
}

/** The first bytes of every sqlite file. */
const SQLITE = "SQLite format 3\0"

async function importEntry(work: Import, { key, json, line }: EntryLine): Promise<void> {
  const { present, values, seen, writer } = work
  let value: Uint8Array
  try {
    value = valueBytes(json, values)
  } catch {
    const shown = json.slice(0, 40)
    throw new TaskError(`${work.file}, line ${line}: ${shown} is no ${values} value`)
  }
  seen.add(key)
  const before = present.get(key)
  if (before && isSameBytes(before, value)) return
  work.changed += 1
  present.set(key, value)
  if (work.isDryRun) await show(work, key, before, value)
  else await writer.put(key, json)
}

async function deleteOthers(work: Import, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    if (work.seen.has(key)) continue
    work.changed += 1
    if (work.isDryRun) await show(work, key, work.present.get(key), undefined)
    else await work.writer.delete(key)
  }
}

function show(
  { context, values }: Import,
  key: string,
  before: Uint8Array | undefined,
  after: Uint8Array | undefined,
): Promise<void> {
  const { colors } = context
  const old = before && valueLine(before, values)
  const fresh = after && valueLine(after, values)
  const name = plainText(key)
  if (old === undefined) return print(context, colors.green(`+ ${name} ${fresh}`))
  if (fresh === undefined) return print(context, colors.red(`- ${name} ${old}`))
  return print(context, colors.yellow(`~ ${name} ${old} → ${fresh}`))
}

// The progress is in the message: an import that stopped half-way is gone on with.
function stopped(error: unknown, { writer, isDryRun }: Import): unknown {
  if (isDryRun || writer.written === 0) return error
  const done = `${countText(writer.written)} changes are stored`
  const line = `${lineOf(error)}; ${done}, and the same command goes on from there`
  if (error instanceof EndedError) return new EndedError(line, error.exitCode)
  return new TaskError(line, error instanceof TaskError ? error.exitCode : EXIT.failed)
}
