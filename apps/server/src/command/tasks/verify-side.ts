import { Digest, formatPosition, parsePosition, type ValueKind } from "@headwater/protocol"
import type { ComparedEntries, ComparedEntry } from "./compare-entries.ts"
import { readEntryFile } from "./entry-file.ts"
import { type TopicTarget, topicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { TaskError } from "./task-error.ts"
import type { TaskInput } from "./task-input.ts"
import type { TopicState } from "./topic-state.ts"
import { followTopic, readTopic } from "./topic-stream.ts"
import { valueBytes } from "./value-text.ts"

/** A side of a comparison: a topic of a hub, or a file. */
export interface VerifySide {
  /** The topic's URL, or the file's path. */
  readonly name: string
  readonly values: ValueKind
  readonly entries: ComparedEntries
  /** `undefined` for a file that is no export. */
  readonly position: { readonly epoch: string; readonly revision: number } | undefined
  /** Over keys and revisions; `undefined` where a file has no revisions. */
  readonly digest: string | undefined
  /** For a topic: the state, to follow on, and its place. */
  readonly live?: { readonly target: TopicTarget; readonly state: TopicState }
}

/** The time for which two topics are followed to a common position. */
export const COMMON_MS = 10_000

/** Reads a side: a file where the text has a `/` or the ending of one, else a topic. */
export async function readSide(
  text: string,
  input: TaskInput,
  context: TaskContext,
): Promise<VerifySide> {
  const isFile =
    !/^https?:\/\//.test(text) && (text === "-" || /[/\\]|\.(ndjson|jsonl|gz)$/.test(text))
  if (isFile) return readFileSide(text, context)
  const target = await topicTarget(text, input, context)
  const state = await readTopic(target, {}, context)
  return liveSide(target, state)
}

/**
 * Follows two topics of one epoch until both are at one position.
 *
 * @throws {TaskError} writes go on, and none came in time.
 */
export async function toCommonPosition(
  sides: readonly [VerifySide, VerifySide],
  context: TaskContext,
  waitMs: number,
): Promise<[VerifySide, VerifySide]> {
  const [a, b] = sides
  if (!a.live || !b.live || a.position?.epoch !== b.position?.epoch) return [a, b]
  const { live: left } = a
  const { live: right } = b
  const until = context.clock.elapsed() + waitMs
  for (;;) {
    const [atA, atB] = [revisionOf(left.state), revisionOf(right.state)]
    if (atA === atB) return [liveSide(left.target, left.state), liveSide(right.target, right.state)]
    if (context.clock.elapsed() > until) {
      throw new TaskError(
        `the two are not at one position within ${waitMs} ms: ${atA} and ${atB}, as writes go ` +
          "on; stop them, or give --wait more",
      )
    }
    const [behind, goal] = atA < atB ? [left, atB] : [right, atA]
    for await (const event of followTopic(behind.target, {}, behind.state, context)) {
      if (event.type === "step" && revisionOf(behind.state) >= goal) break
      if (context.clock.elapsed() > until) break
    }
  }
}

function revisionOf({ position }: TopicState): number {
  return position?.revision ?? 0
}

function liveSide(target: TopicTarget, state: TopicState): VerifySide {
  const { entries, position, digest, values } = state
  return { name: target.url, values, entries, position, digest, live: { target, state } }
}

async function readFileSide(path: string, context: TaskContext): Promise<VerifySide> {
  const entries = new Map<string, ComparedEntry>()
  const digest = new Digest()
  let values: ValueKind = "json"
  let position: VerifySide["position"]
  let hasRevisions = true
  let stated: string | undefined
  for await (const line of readEntryFile(path, context.terminal)) {
    context.signal.throwIfAborted()
    if (line.type === "head") {
      values = line.values
      position = parsePosition(line.position)
    } else if (line.type === "entry") {
      const { key, json, revision } = line
      entries.set(key, { value: valueBytes(json, values), revision })
      if (revision === undefined) hasRevisions = false
      else digest.add(key, revision)
    } else stated = line.digest
  }
  const own = hasRevisions ? `${digest}` : undefined
  if (stated !== undefined && own !== stated) {
    throw new TaskError(
      `${path} was changed: its entries${position ? ` at ${formatPosition(position)}` : ""} have ` +
        `the digest ${own}, and its last line says ${stated}`,
    )
  }
  return { name: path, values, entries, position, digest: own }
}
