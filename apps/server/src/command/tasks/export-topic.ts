import { formatPosition } from "@headwater/protocol"
import { entryLine, sortedEntries } from "./entry-line.ts"
import { topicTarget } from "./hub-target.ts"
import { ProgressLine } from "./progress-line.ts"
import { say, type TaskContext } from "./task-context.ts"
import { EXIT, lineOf, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { countText } from "./text-table.ts"
import { readTopic, type WholeState } from "./topic-stream.ts"

/** Entries that are written at once. */
const CHUNK_ENTRIES = 1_000

/**
 * `headwater export TOPIC [FILE]`: all entries at one position, a line each, sorted by key. The
 * first line has the position, the last one the number of entries and the hub's digest.
 */
export async function exportTopic(input: TaskInput, context: TaskContext): Promise<number> {
  const target = await topicTarget(input.argument(0), input, context)
  const path = input.optional(1) ?? "-"
  const prefixes = input.list("prefix")
  const { terminal } = context
  const progress = new ProgressLine("read", context)
  let read = 0
  const state = await readTopic(target, { prefixes }, context, (entries) => {
    read = entries
  })
  await progress.show({ done: read, entries: read })
  const file = path === "-" ? undefined : terminal.createFile(path, path.endsWith(".gz"))
  try {
    for (const text of exportText(target.topic, state, prefixes)) {
      await (file ?? terminal.output).write(text)
      context.signal.throwIfAborted()
    }
    await file?.close()
  } catch (error) {
    await file?.discard()
    if (file === undefined || context.signal.aborted) throw error
    throw new TaskError(`${path} cannot be written: ${lineOf(error)}`)
  } finally {
    await progress.clear()
  }
  const position = formatPosition(state.position)
  const at = `at ${position}, digest ${state.digest}`
  await say(context, `exported ${countText(state.entries.size)} entries of ${target.topic} ${at}`)
  return EXIT.done
}

/** The text of an export, in pieces. */
export function* exportText(
  topic: string,
  { entries, position, values, digest }: WholeState,
  prefixes: readonly string[] = [],
): Generator<string> {
  const { epoch, revision } = position
  const part = prefixes.length > 0 ? { prefix: prefixes } : {}
  const head = { topic, values, epoch, revision, position: formatPosition(position), ...part }
  yield `${JSON.stringify(head)}\n`
  const sorted = sortedEntries(entries.values())
  for (let start = 0; start < sorted.length; start += CHUNK_ENTRIES) {
    const chunk = sorted.slice(start, start + CHUNK_ENTRIES)
    yield `${chunk.map((entry) => entryLine(entry, values)).join("\n")}\n`
  }
  yield `${JSON.stringify({ end: true, entries: entries.size, digest })}\n`
}
