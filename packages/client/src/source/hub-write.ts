import {
  type Change,
  type Condition,
  decodeUtf8,
  encodeBase64,
  OutcomeUnknownError,
  type Position,
  SourceError,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"
import {
  decodeErrorBody,
  formatPosition,
  parsePosition,
  REVISION_HEADER,
  type ValueKind,
} from "@headwater/protocol"
import { failureOf, type HubContext, refusal } from "./hub-frames.ts"

/** Most look-ups of a condition that a key exists, as its revision moves meanwhile. */
const LOOK_UPS_MAX = 10

/** A topic of a hub to write to. */
export interface WriteContext extends HubContext {
  readonly values: ValueKind
  /** The position of the last write: look-ups are not older. */
  readonly atLeast: Position | undefined
}

/** The outcome of a write, and its position. */
export interface HubWriteOutcome {
  readonly outcome: WriteOutcome
  readonly position?: Position
}

/**
 * Passes a write on to a hub, as one batch.
 *
 * The protocol has no condition that a key exists: its revision is looked up, and asked for; when
 * it moved meanwhile, again.
 *
 * @throws {OutcomeUnknownError} there is no answer, or none of a hub.
 * @throws {SourceError} the hub refused: nothing was written.
 */
export async function hubWrite(
  context: WriteContext,
  { conditions, changes }: WriteRequest,
  signal: AbortSignal,
): Promise<HubWriteOutcome> {
  const existing = new Set(conditions.filter((one) => "exists" in one).map(({ key }) => key))
  for (let turn = 0; turn < LOOK_UPS_MAX; turn++) {
    const exact = await Promise.all(conditions.map((one) => exactOf(context, one, signal)))
    // An absent key that must exist fails, whatever the rest.
    const absent = exact.filter(({ key, revision }) => existing.has(key) && revision === 0)
    const asked = exact.filter((one) => !absent.includes(one))
    const sent = await send(context, asked, absent.length > 0 ? [] : changes, signal)
    const { outcome } = sent
    if (outcome.written) return sent
    const { failed } = outcome
    const moved = failed.some(({ key, revision }) => existing.has(key) && revision > 0)
    if (moved) continue
    return { outcome: { written: false, failed: inOrder(conditions, [...absent, ...failed]) } }
  }
  throw new SourceError(
    `a key that must exist moved during each of ${LOOK_UPS_MAX} look-ups; nothing was written`,
  )
}

interface ExactCondition {
  readonly key: string
  readonly revision: number
}

function inOrder(conditions: readonly Condition[], failed: readonly ExactCondition[]) {
  return conditions.flatMap(({ key }) => failed.filter((one) => one.key === key))
}

async function exactOf(
  { url, headers, fetch, atLeast }: WriteContext,
  condition: Condition,
  signal: AbortSignal,
): Promise<ExactCondition> {
  if ("revision" in condition) return condition
  const { key } = condition
  try {
    const since = atLeast ? `&at-least=${formatPosition(atLeast)}` : ""
    const target = `${url}/entry?key=${encodeURIComponent(key)}${since}`
    const response = await fetch(target, { headers: await headers(signal), signal })
    const text = await response.text()
    if (response.status === 200)
      return { key, revision: Number(response.headers.get(REVISION_HEADER)) }
    if (decodeErrorBody(text)?.code === "ERR_KEY_ABSENT") return { key, revision: 0 }
    throw refusal(new URL(target), response.status, text)
  } catch (error) {
    throw failureOf(error, signal)
  }
}

// Without changes the conditions alone are asked for, which no batch does: each is looked up.
async function send(
  context: WriteContext,
  conditions: readonly ExactCondition[],
  changes: readonly Change[],
  signal: AbortSignal,
): Promise<HubWriteOutcome> {
  const { url, headers, fetch, values } = context
  if (changes.length === 0) {
    const seen = await Promise.all(
      conditions.map(({ key }) => exactOf(context, { key, exists: true }, signal)),
    )
    const failed = seen.filter(({ revision }, at) => revision !== conditions[at]!.revision)
    return { outcome: { written: false, failed } }
  }
  const body = bodyOf(values, conditions, changes)
  const own = { ...(await headers(signal)), "content-type": "application/json" }
  signal.throwIfAborted()
  let text: string
  let response: Response
  try {
    response = await fetch(`${url}/batch`, { method: "POST", headers: own, body, signal })
    text = await response.text()
  } catch (cause) {
    if (signal.aborted) throw signal.reason
    throw new OutcomeUnknownError(`${url} did not answer`, { cause })
  }
  const answer = decodeErrorBody(text)
  if (response.status === 200) {
    const position = parsePosition(JSON.parse(text).position)
    return { outcome: { written: true, revision: position.revision }, position }
  }
  if (answer?.code === "ERR_CONFLICT") {
    return { outcome: { written: false, failed: JSON.parse(text).failed } }
  }
  const error = refusal(url, response.status, text)
  if (!answer || answer.code === "ERR_OUTCOME_UNKNOWN") {
    throw new OutcomeUnknownError(error.message)
  }
  throw failureOf(error, signal)
}

// Written by hand, so that json values keep their spelling.
function bodyOf(
  values: ValueKind,
  conditions: readonly ExactCondition[],
  changes: readonly Change[],
): string {
  const wire = changes.map((change) => {
    const { op, key } = change
    if (change.op === "delete") return JSON.stringify({ op, key })
    return `{"op":"put","key":${JSON.stringify(key)},"value":${wireValueOf(change.value, values)}}`
  })
  const exact = conditions.map(({ key, revision }) => ({ key, revision }))
  return `{"if":${JSON.stringify(exact)},"changes":[${wire.join(",")}]}`
}

function wireValueOf(value: Uint8Array, values: ValueKind): string {
  if (values !== "binary") {
    const text = decodeUtf8(value)
    return values === "json" ? text : JSON.stringify(text)
  }
  return JSON.stringify(encodeBase64(value))
}
