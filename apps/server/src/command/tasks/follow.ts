import { formatPosition, parsePosition, type ValueKind } from "@headwater/protocol"
import { changeJson } from "./change-json.ts"
import { type TopicTarget, topicTarget } from "./hub-target.ts"
import { runForStep } from "./run-for-step.ts"
import { print, say, type TaskContext } from "./task-context.ts"
import { EXIT, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import { spanText } from "./text-table.ts"
import { type TopicChange, TopicState, type TopicStep } from "./topic-state.ts"
import { followTopic, type TopicEvent } from "./topic-stream.ts"
import { plainText, valueJson, valueLine } from "./value-text.ts"

/** A topic that is followed, and the form in which its changes are shown. */
interface Follower {
  readonly target: TopicTarget
  readonly state: TopicState
  readonly context: TaskContext
  readonly format: "json" | "line" | "pretty"
  /** The shell command to run for each step, in place of printing it. */
  readonly command: string | undefined
  readonly skipsSnapshot: boolean
}

/**
 * `headwater follow TOPIC`: prints one line for each change, for ever.
 *
 * Changes go to the standard output; the link's losses and returns to the error output. A consumer
 * that reads slowly, or a command that runs long, gets fewer steps, with the changes merged.
 */
export async function follow(input: TaskInput, context: TaskContext): Promise<number> {
  const target = await topicTarget(input.argument(0), input, context)
  const since = input.text("since")
  if (since !== undefined) checkPosition(since)
  if (input.flag("json") && input.flag("pretty")) throw new TaskError("give --json or --pretty")
  const state = new TopicState(since)
  const follower: Follower = {
    target,
    state,
    context,
    format: input.flag("json") ? "json" : input.flag("pretty") ? "pretty" : "line",
    command: input.text("exec"),
    skipsSnapshot: input.flag("skip-snapshot"),
  }
  const once = input.flag("until-sync")
  const filter = { prefixes: input.list("prefix"), keys: input.list("key"), once }
  let code: number = EXIT.done
  for await (const event of followTopic(target, filter, state, context)) {
    await tell(event, follower)
    if (event.type === "step" && !(await show(event.step, follower))) code = EXIT.no
    if (event.type === "sync" && once) break
  }
  return code
}

// False where a command failed.
async function show(step: TopicStep, follower: Follower): Promise<boolean> {
  const { context, command, state, target, format } = follower
  const { isSnapshot } = step
  // A snapshot comes in no order, and merged commits in that of their first writes.
  const changes = [...step.changes].sort(isSnapshot ? byKey : byRevision)
  if (changes.length === 0) return true
  if (isSnapshot && follower.skipsSnapshot && changes.every(isFirst)) return true
  if (command !== undefined) {
    return runForStep(command, { ...step, changes }, target, state.values, context)
  }
  const position = formatPosition(step.position)
  const lines = changes.map((change) =>
    format === "json"
      ? changeJson(change, state.values, position)
      : changeLine(change, state.values, format === "pretty", context),
  )
  await print(context, lines.join("\n"))
  return true
}

function byKey(a: TopicChange, b: TopicChange): number {
  return keyOf(a) < keyOf(b) ? -1 : 1
}

function byRevision(a: TopicChange, b: TopicChange): number {
  return revisionOf(a) - revisionOf(b)
}

function revisionOf(change: TopicChange): number {
  return change.op === "put" ? change.entry.revision : change.revision
}

function keyOf(change: TopicChange): string {
  return change.op === "put" ? change.entry.key : change.key
}

function isFirst(change: TopicChange): boolean {
  return change.op === "put" && change.previous === undefined
}

function changeLine(
  change: TopicChange,
  values: ValueKind,
  isPretty: boolean,
  { colors, terminal }: TaskContext,
): string {
  const { isTerminal, columns } = terminal.output
  if (change.op === "delete") {
    return `${change.revision} ${colors.red("delete")} ${plainText(change.key)}`
  }
  const { key, value, revision } = change.entry
  const head = `${revision} ${colors.green("put")} ${plainText(key)}`
  if (isPretty && values === "json") {
    return `${head}\n${JSON.stringify(JSON.parse(valueJson(value, values)), undefined, 2)}`
  }
  const room = isTerminal ? Math.max(10, columns - `${revision} put ${key} `.length) : undefined
  return `${head} ${valueLine(value, values, room)}`
}

async function tell(event: TopicEvent, { target, state, context }: Follower): Promise<void> {
  const at = state.position ? ` at ${formatPosition(state.position)}` : ""
  switch (event.type) {
    case "lost":
      return say(
        context,
        `lost the link to ${target.url}${at}: ${event.reason}; next attempt in ` +
          spanText(event.delayMs),
      )
    case "regained":
      return say(
        context,
        event.resumed
          ? `regained the link${at}; no change was missed`
          : `regained the link; the hub does not resume${at}, the differences follow`,
      )
    case "reset":
      return say(context, `the hub cannot resume (${event.reason}); the differences follow`)
    case "mismatch":
      return say(
        context,
        `the state differs from the hub's: digest ${event.own}, and the hub's ${event.hub}; ` +
          "reading it again",
      )
    case "status": {
      const { status, code } = event.report
      if (status === "in-sync") return
      return say(context, `the hub's own source is ${status}${code ? ` (${code})` : ""}`)
    }
    case "step":
    case "sync":
      return
    default:
      return event satisfies never
  }
}

function checkPosition(text: string): void {
  try {
    parsePosition(text)
  } catch {
    throw new TaskError(
      `--since takes a position, such as the one that put and get --json print, not "${text}"`,
    )
  }
}
