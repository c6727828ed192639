import { decodeUtf8, encodeUtf8 } from "@headwater/core"
import { CONTENT_TYPES, REVISION_HEADER, type ValueKind } from "@headwater/protocol"
import { awaitShown } from "./await-shown.ts"
import { entryPath } from "./get.ts"
import { askHub, HubAnswerError, type TopicFacts } from "./hub-request.ts"
import { type TopicTarget, topicTarget } from "./hub-target.ts"
import { readAll } from "./read-all.ts"
import { print, type TaskContext } from "./task-context.ts"
import { EXIT, TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"

type ConditionHeaders = Readonly<Record<string, string>>

/** `headwater put TOPIC KEY [VALUE|-|@FILE]`: writes an entry, whether it was there or not. */
export async function put(input: TaskInput, context: TaskContext): Promise<number> {
  const { target, key, body, values } = await readPut(input, context)
  return write(context, input, target, key, { values, body, condition: {} })
}

/** `headwater create`: writes an entry that is absent. */
export async function create(input: TaskInput, context: TaskContext): Promise<number> {
  const { target, key, body, values } = await readPut(input, context)
  const condition = { "if-none-match": "*" }
  return write(context, input, target, key, { values, body, condition })
}

/** `headwater update`: writes an entry that is there; with `--if-revision`, at that one alone. */
export async function update(input: TaskInput, context: TaskContext): Promise<number> {
  const revision = input.count("if-revision", 1)
  const { target, key, body, values } = await readPut(input, context)
  if (revision !== undefined) {
    const condition = { "if-match": String(revision) }
    return write(context, input, target, key, { values, body, condition })
  }
  for (let turn = 1; ; turn++) {
    const found = await askHub(context, target.hub, entryPath(target, key))
    await found.arrayBuffer()
    const condition = { "if-match": found.headers.get(REVISION_HEADER)! }
    try {
      return await write(context, input, target, key, { values, body, condition })
    } catch (error) {
      // Another client wrote the entry meanwhile: it is still there, or the next look says so.
      const isConflict = error instanceof HubAnswerError && error.code === "ERR_CONFLICT"
      if (!isConflict || turn === LOOKS_MAX) throw error
    }
  }
}

/** `headwater del TOPIC KEY`: deletes an entry. */
export async function del(input: TaskInput, context: TaskContext): Promise<number> {
  const target = await topicTarget(input.argument(0), input, context)
  const key = input.argument(1)
  const revision = input.count("if-revision", 1)
  const condition: ConditionHeaders = revision === undefined ? {} : { "if-match": String(revision) }
  return write(context, input, target, key, { condition })
}

const LOOKS_MAX = 10

interface Body {
  readonly condition: ConditionHeaders
  /** Absent for a delete. */
  readonly body?: Uint8Array
  readonly values?: ValueKind
}

async function write(
  context: TaskContext,
  input: TaskInput,
  target: TopicTarget,
  key: string,
  { condition, body, values = "json" }: Body,
): Promise<number> {
  const headers = { ...condition, ...(body && { "content-type": CONTENT_TYPES[values] }) }
  const method = body ? "PUT" : "DELETE"
  const request = { method, headers, ...(body && { body }) }
  const answer = await askHub(context, target.hub, entryPath(target, key), request)
  const written = (await answer.json()) as { revision: number; position: string }
  await awaitShown(target, written.position, context)
  await print(context, input.flag("json") ? JSON.stringify(written) : written.position)
  return EXIT.done
}

async function readPut(input: TaskInput, context: TaskContext) {
  const target = await topicTarget(input.argument(0), input, context)
  const key = input.argument(1)
  const facts = await askHub(context, target.hub, `/v1/topics/${target.topic}`)
  const { values } = (await facts.json()) as TopicFacts
  const given = input.optional(2)
  const bytes = await readValue(given, context)
  const body = input.flag("text") ? encodeUtf8(JSON.stringify(decodeUtf8(bytes))) : bytes
  if (input.flag("text") && values !== "json") {
    throw new TaskError(`--text is for topics of JSON; ${target.topic} holds ${values} as it is`)
  }
  return { target, key, values, body: values === "json" ? checkedJson(body, target) : body }
}

async function readValue(given: string | undefined, context: TaskContext): Promise<Uint8Array> {
  const { terminal } = context
  if (given === undefined && terminal.isInputTerminal) {
    throw new TaskError("give a VALUE, @FILE, or - for the standard input")
  }
  if (given === undefined || given === "-") return readAll(terminal.input())
  if (!given.startsWith("@")) return encodeUtf8(given)
  const file = given.slice(1)
  try {
    return await readAll(terminal.readFile(file))
  } catch (cause) {
    throw new TaskError(`the file ${file} cannot be read`, EXIT.failed, { cause })
  }
}

// White space around a JSON value is no part of it: `echo` adds a line feed.
function checkedJson(bytes: Uint8Array, { topic }: TopicTarget): Uint8Array {
  const text = decodeUtf8(bytes).trim()
  try {
    JSON.parse(text)
  } catch {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text
    throw new TaskError(
      `${JSON.stringify(shown)} is not JSON, and topic ${topic} holds JSON: a string is in ` +
        `double quotes, as '"on"', or give --text to store it as a string`,
    )
  }
  return encodeUtf8(text)
}
