import { formatPosition, type ValueKind } from "@headwater/protocol"
import { changeJson } from "./change-json.ts"
import type { TopicTarget } from "./hub-target.ts"
import { say, type TaskContext } from "./task-context.ts"
import { lineOf } from "./task-error.ts"
import type { TopicStep } from "./topic-state.ts"

/** Changes above this are on the standard input alone: a program takes only so much environment. */
const VARIABLE_BYTES_MAX = 65_536

/**
 * Runs a shell command for one step, and waits for its end: with the step as JSON on its standard
 * input, and in variables. Nothing of the step is put into the command line.
 *
 * Resolves with false, after a line for the person, where the command failed.
 */
export async function runForStep(
  command: string,
  step: TopicStep,
  target: TopicTarget,
  values: ValueKind,
  context: TaskContext,
): Promise<boolean> {
  const { changes } = step
  const position = formatPosition(step.position)
  const list = changes.map((change) => changeJson(change, values, position)).join(",")
  const head = `{"topic":${JSON.stringify(target.topic)},"position":"${position}"`
  const input = `${head},"changes":[${list}]}\n`
  const [only] = changes.length === 1 ? changes : []
  const key = only && (only.op === "put" ? only.entry.key : only.key)
  const isSmall = input.length < VARIABLE_BYTES_MAX && !input.includes("\0")
  const env = {
    HEADWATER_TOPIC: target.topic,
    HEADWATER_POSITION: position,
    HEADWATER_REVISION: String(step.position.revision),
    HEADWATER_CHANGES: String(changes.length),
    ...(isSmall && { HEADWATER_EVENT: input.trimEnd() }),
    ...(only && { HEADWATER_OP: only.op }),
    ...(key !== undefined && !key.includes("\0") && { HEADWATER_KEY: key }),
  }
  let code: number
  try {
    code = await context.terminal.runShell(command, { env, input, signal: context.signal })
  } catch (error) {
    await say(context, `the command at ${position} did not start: ${lineOf(error)}`)
    return false
  }
  context.signal.throwIfAborted()
  if (code === 0) return true
  await say(context, `the command at ${position} failed with exit code ${code}`)
  return false
}
