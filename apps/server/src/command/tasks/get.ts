import { POSITION_HEADER, REVISION_HEADER, valueKindOf } from "@headwater/protocol"
import { askHub } from "./hub-request.ts"
import { type TopicTarget, topicTarget } from "./hub-target.ts"
import { print, type TaskContext } from "./task-context.ts"
import { EXIT } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { valueJson } from "./value-text.ts"

/** `headwater get TOPIC KEY`: the bytes of a value; with `--json`, all fields of the entry. */
export async function get(input: TaskInput, context: TaskContext): Promise<number> {
  const target = await topicTarget(input.argument(0), input, context)
  const key = input.argument(1)
  const atLeast = input.text("at-least")
  const wait = atLeast === undefined ? "" : `&at-least=${encodeURIComponent(atLeast)}`
  const answer = await askHub(context, target.hub, `${entryPath(target, key)}${wait}`)
  const value = new Uint8Array(await answer.arrayBuffer())
  if (input.flag("json")) {
    const values = valueKindOf(answer.headers.get("content-type") ?? "") ?? "binary"
    const fields = {
      topic: target.topic,
      key,
      revision: Number(answer.headers.get(REVISION_HEADER)),
      position: answer.headers.get(POSITION_HEADER),
      values,
    }
    const text = JSON.stringify(fields)
    await print(context, `${text.slice(0, -1)},"value":${valueJson(value, values)}}`)
    return EXIT.done
  }
  const { output } = context.terminal
  await output.write(value)
  if (output.isTerminal && value.at(-1) !== LINE_FEED) await output.write("\n")
  return EXIT.done
}

const LINE_FEED = 0x0a

/** The path of an entry on its hub, in the form that is exact for every key. */
export function entryPath({ topic }: TopicTarget, key: string): string {
  return `/v1/topics/${topic}/entry?key=${encodeURIComponent(key)}`
}
