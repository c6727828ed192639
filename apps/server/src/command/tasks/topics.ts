import { askHub, type TopicFacts } from "./hub-request.ts"
import { type HubTarget, hubTarget } from "./hub-target.ts"
import { print, type TaskContext } from "./task-context.ts"
import { EXIT } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { bytesText, countText, spanText, textTable } from "./text-table.ts"

/** The time between two looks of the live table. */
const LOOK_MS = 1_000

/** `headwater topics`: lists the topics; on a terminal, as a table that stays up to date. */
export async function topics(input: TaskInput, context: TaskContext): Promise<number> {
  const hub = await hubTarget(input, context)
  const { output } = context.terminal
  if (input.flag("json")) {
    for (const topic of await listTopics(context, hub)) await print(context, JSON.stringify(topic))
    return EXIT.done
  }
  let shown = 0
  for (;;) {
    const lines = tableOf(await listTopics(context, hub), context)
    const up = shown > 0 ? `\u001b[${shown}A\u001b[J` : ""
    await output.write(`${up}${lines.join("\n")}\n`)
    if (!output.isTerminal || input.flag("once")) return EXIT.done
    shown = lines.length
    await context.clock.sleep(LOOK_MS, context.signal)
  }
}

/** The topics of a hub that the token may see, by name. */
export async function listTopics(context: TaskContext, hub: HubTarget): Promise<TopicFacts[]> {
  const answer = await askHub(context, hub, "/v1/topics")
  const { topics } = (await answer.json()) as { topics: TopicFacts[] }
  return topics.sort((a, b) => (a.topic < b.topic ? -1 : 1))
}

function tableOf(topics: readonly TopicFacts[], context: TaskContext): string[] {
  const { colors, clock } = context
  const rows = topics.map((topic) => [
    topic.topic,
    `${topic.status}${topic.code ? ` (${topic.code})` : ""}`,
    topic.lastContact
      ? spanText(Math.max(0, clock.now() - Date.parse(topic.lastContact)))
      : "never",
    String(topic.revision ?? "-"),
    countText(topic.entries ?? 0),
    bytesText(topic.bytes ?? 0),
    countText(topic.subscribers ?? 0),
    `${topic.values}${topic.writable ? "" : ", read-only"}`,
    topic.source ?? "",
  ])
  const [heading, ...lines] = textTable(
    [
      ["TOPIC", "left"],
      ["STATUS", "left"],
      ["CONTACT", "right"],
      ["REVISION", "right"],
      ["ENTRIES", "right"],
      ["BYTES", "right"],
      ["READERS", "right"],
      ["VALUES", "left"],
      ["SOURCE", "left"],
    ],
    rows,
  )
  const styled = lines.map((line, at) => {
    const { status } = topics[at]!
    return status === "in-sync" ? line : status === "stale" ? colors.red(line) : colors.yellow(line)
  })
  return [colors.bold(heading), ...styled]
}
