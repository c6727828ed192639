import { entryLine, sortedEntries } from "./entry-line.ts"
import { topicTarget } from "./hub-target.ts"
import { print, type TaskContext } from "./task-context.ts"
import { EXIT } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { bytesText } from "./text-table.ts"
import { readTopic } from "./topic-stream.ts"
import { plainText, valueLine } from "./value-text.ts"

/** `headwater ls TOPIC [PREFIX]`: the keys of a topic, sorted, one a line. */
export async function ls(input: TaskInput, context: TaskContext): Promise<number> {
  const target = await topicTarget(input.argument(0), input, context)
  const prefix = input.optional(1)
  const limit = input.count("limit", 1) ?? Number.POSITIVE_INFINITY
  const { output } = context.terminal
  const state = await readTopic(target, prefix ? { prefixes: [prefix] } : {}, context)
  const { values } = state
  for (const entry of sortedEntries(state.entries.values()).slice(0, limit)) {
    const key = output.isTerminal ? plainText(entry.key) : entry.key
    if (input.flag("json")) await print(context, entryLine(entry, values))
    else if (input.flag("long")) {
      const room = output.isTerminal ? Math.max(10, output.columns - key.length - 24) : undefined
      const value = valueLine(entry.value, values, room)
      const size = bytesText(entry.value.length).padStart(8)
      await print(context, `${String(entry.revision).padStart(10)}  ${size}  ${key}  ${value}`)
    } else await print(context, key)
  }
  return EXIT.done
}
