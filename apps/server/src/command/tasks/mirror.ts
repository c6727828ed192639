import { formatPosition } from "@headwater/protocol"
import { BatchWriter } from "./batch-writer.ts"
import { compareEntries } from "./compare-entries.ts"
import { type TopicTarget, topicTarget } from "./hub-target.ts"
import { say, type TaskContext } from "./task-context.ts"
import { EXIT, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { countText, spanText } from "./text-table.ts"
import type { TopicState, TopicStep } from "./topic-state.ts"
import { followTopic, readTopic, type WholeState } from "./topic-stream.ts"
import { plainText, valueJson } from "./value-text.ts"

/** The longest list of keys in a refusal. */
const NAMED_MAX = 3

/**
 * `headwater mirror FROM TO`: makes a topic equal to another one, and keeps it so, for ever.
 *
 * Only the difference is written. A commit of up to 128 changes stays one commit.
 */
export async function mirror(input: TaskInput, context: TaskContext): Promise<number> {
  const from = await topicTarget(input.argument(0), input, context)
  const to = await topicTarget(input.argument(1), input, context)
  if (from.url === to.url) throw new TaskError("FROM and TO are one topic")
  const writer = new BatchWriter(to, context)
  const state = await readTopic(from, {}, context)
  await beginMirror(input, state, to, writer, context)
  if (input.flag("once")) return EXIT.done
  for await (const event of followTopic(from, {}, state, context)) {
    if (event.type === "step") await writeStep(event.step, state, writer)
    if (event.type === "regained") await say(context, `regained the link to ${from.url}`)
    if (event.type === "lost") {
      const wait = spanText(event.delayMs)
      await say(context, `lost the link to ${from.url}: ${event.reason}; next attempt in ${wait}`)
    }
  }
  return EXIT.done
}

async function beginMirror(
  input: TaskInput,
  state: WholeState,
  to: TopicTarget,
  writer: BatchWriter,
  context: TaskContext,
): Promise<void> {
  const present = await readTopic(to, {}, context)
  if (present.values !== state.values) {
    throw new TaskError(`FROM has ${state.values} values, and TO ${present.values}`)
  }
  const differences = compareEntries(state.entries, present.entries, false)
  const extra = differences.filter(({ a }) => a === undefined)
  if (extra.length > 0 && !input.flag("delete") && !input.flag("keep")) {
    const named = extra.slice(0, NAMED_MAX).map(({ key }) => plainText(key))
    const more = extra.length > NAMED_MAX ? ", …" : ""
    throw new TaskError(
      `keys that TO has and FROM lacks: ${countText(extra.length)} (${named.join(", ")}${more}); ` +
        "give --delete to delete them, or --keep to leave them",
      EXIT.no,
    )
  }
  for (const { key, a } of differences) {
    if (a !== undefined) await writer.put(key, valueJson(a.value, state.values))
    else if (input.flag("delete")) await writer.delete(key)
  }
  await writer.flush()
  const at = formatPosition(state.position)
  await say(
    context,
    `wrote ${countText(writer.written)} changes; ${to.url} has what FROM has at ${at}`,
  )
}

async function writeStep(
  { changes }: TopicStep,
  { values }: TopicState,
  writer: BatchWriter,
): Promise<void> {
  for (const change of changes) {
    if (change.op === "delete") await writer.delete(change.key)
    else await writer.put(change.entry.key, valueJson(change.entry.value, values))
  }
  await writer.flush()
}
