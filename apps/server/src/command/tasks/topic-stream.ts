import { type HubFrame, ReplicaError, StreamProgress, streamFrames } from "@headwater/client/source"
import { backoffMs, countFailure, isSyncError, type StatusReport } from "@headwater/core"
import { cureOf, unreachable } from "./hub-request.ts"
import type { TopicTarget } from "./hub-target.ts"
import type { TaskContext } from "./task-context.ts"
import { EXIT, lineOf, TaskError } from "./task-error.ts"
import { TopicState, type TopicStep } from "./topic-state.ts"

/** The part of a topic to read. */
export interface TopicFilter {
  readonly prefixes?: readonly string[]
  readonly keys?: readonly string[]
  /** The stream ends at the present state. Without it, its first `sync` may be 10 s old. */
  readonly once?: boolean
}

/** An event of a topic that is followed. */
export type TopicEvent =
  | { readonly type: "step"; readonly step: TopicStep }
  /** The hub sent everything up to the state's position. */
  | { readonly type: "sync" }
  | { readonly type: "status"; readonly report: StatusReport }
  | { readonly type: "reset"; readonly reason: string }
  | { readonly type: "mismatch"; readonly hub: string; readonly own: string }
  | { readonly type: "lost"; readonly reason: string; readonly delayMs: number }
  /** The hub answered again, and resumed from the state's position, or did not. */
  | { readonly type: "regained"; readonly resumed: boolean }

/** A stream that was in sync for this long shows that the trouble is over. */
const HEALTHY_MS = 10_000

const BACKOFF = { firstMs: 250, maxMs: 30_000 }

/**
 * Follows a topic for ever, from the position of `state` on: a link that is lost is made again.
 *
 * @throws {TaskError} the hub refused for good: no such topic, no right to it, a wrong filter.
 */
export async function* followTopic(
  target: TopicTarget,
  filter: TopicFilter,
  state: TopicState,
  context: TaskContext,
): AsyncGenerator<TopicEvent, never, undefined> {
  const { clock, signal } = context
  let failures = 0
  let wasLost = false
  for (;;) {
    const progress = new StreamProgress()
    const used: { token?: string | undefined } = {}
    let syncedAt: number | undefined
    let failure: Error = new ReplicaError("the stream was cut")
    try {
      state.begin()
      for await (const frame of framesOf(target, filter, state, context, progress, used)) {
        if (frame.type === "sync") syncedAt ??= clock.elapsed()
        if (frame.type === "hello" && wasLost) {
          yield { type: "regained", resumed: frame.resumed }
          wasLost = false
        }
        yield* eventsOf(frame, state)
        const end = endOf(frame, progress)
        if (end) throw end
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason
      failure = error as Error
      await throwIfFinal(failure, used.token, target, context)
    }
    if (isSyncError(failure) && failure.recovery === "resync") state.forget()
    const healthyMs = syncedAt === undefined ? 0 : clock.elapsed() - syncedAt
    failures = countFailure(failures, healthyMs, HEALTHY_MS)
    const delayMs = backoffMs(failures, BACKOFF, context.random(), progress.retryMs)
    wasLost = true
    yield { type: "lost", reason: lineOf(failure), delayMs }
    await clock.sleep(delayMs, signal)
  }
}

/** A whole state of a topic, proven by the hub's digest. */
export type WholeState = TopicState & { readonly position: NonNullable<TopicState["position"]> }

/** Reads a topic once: all of its entries at one position. @throws {TaskError} it cannot. */
export async function readTopic(
  target: TopicTarget,
  filter: TopicFilter,
  context: TaskContext,
  onEntries: (entries: number) => void = () => {},
): Promise<WholeState> {
  const once = { ...filter, once: true }
  for (let attempt = 1; ; attempt++) {
    const state = new TopicState()
    const progress = new StreamProgress()
    try {
      let entries = 0
      for await (const frame of framesOf(target, once, state, context, progress, {})) {
        const step = state.take(frame)
        if (frame.type === "snapshot") entries += frame.entries.length
        onEntries(entries)
        const end = endOf(frame, progress)
        if (end) throw end
        if (step?.digests && step.digests.hub !== step.digests.own) {
          const { hub, own } = step.digests
          throw new ReplicaError(`the entries have the digest ${own}, and the hub says ${hub}`)
        }
        if (frame.type === "sync") return state as WholeState
      }
      throw new ReplicaError("the stream was cut before it was whole")
    } catch (error) {
      await throwIfFinal(error as Error, undefined, target, context)
      if (attempt === ATTEMPTS_MAX || isUnreached(error)) throw readable(error, target, context)
      await context.clock.sleep(backoffMs(attempt, BACKOFF, context.random(), 0), context.signal)
    }
  }
}

const ATTEMPTS_MAX = 4

async function* framesOf(
  target: TopicTarget,
  { prefixes = [], keys = [], once = false }: TopicFilter,
  state: TopicState,
  context: TaskContext,
  progress: StreamProgress,
  used: { token?: string | undefined },
): AsyncGenerator<HubFrame, void, undefined> {
  const url = new URL(`${target.url}/stream`)
  for (const prefix of prefixes) url.searchParams.append("prefix", prefix)
  for (const key of keys) url.searchParams.append("key", key)
  if (once) url.searchParams.set("once", "1")
  if (state.resume === "" && state.since !== "") url.searchParams.set("since", state.since)
  const headers = async (): Promise<Record<string, string>> => {
    const token = await target.hub.token()
    used.token = token
    return {
      ...(state.resume !== "" && { "last-event-id": state.resume }),
      ...(token && { authorization: `Bearer ${token}` }),
    }
  }
  const { fetch, clock, signal } = context
  yield* streamFrames({ url, headers, fetch, clock }, progress, signal)
}

function* eventsOf(frame: HubFrame, state: TopicState): Generator<TopicEvent> {
  if (frame.type === "reset") yield { type: "reset", reason: frame.reason }
  if (frame.type === "status") yield { type: "status", report: frame.report }
  const step = state.take(frame)
  if (step) yield { type: "step", step }
  const { digests } = step ?? {}
  if (digests && digests.hub !== digests.own) {
    yield { type: "mismatch", ...digests }
    throw new ReplicaError("the state differs from the hub's digest", "ERR_CONFLICT", "resync")
  }
  if (frame.type === "sync") yield { type: "sync" }
}

function endOf(frame: HubFrame, progress: StreamProgress): Error | undefined {
  if (frame.type === "goodbye") {
    progress.retryMs = frame.retryMs || progress.retryMs
    return new ReplicaError(`the hub said goodbye: ${frame.reason}`, "ERR_CLOSED")
  }
  if (frame.type !== "fault") return undefined
  progress.retryMs = frame.retryMs || progress.retryMs
  return new ReplicaError(`the hub failed: ${frame.code}`, frame.code, frame.retry)
}

// A refusal that will not change is the end; a refused token is not, where a file has another now.
async function throwIfFinal(
  error: Error,
  usedToken: string | undefined,
  target: TopicTarget,
  context: TaskContext,
): Promise<void> {
  if (context.signal.aborted) throw context.signal.reason
  if (error instanceof TaskError) throw error
  if (!isSyncError(error) || error.recovery !== "stop") return
  if (error.code === "ERR_UNAUTHENTICATED" && usedToken !== undefined) {
    if ((await target.hub.token()) !== usedToken) return
  }
  throw readable(error, target, context)
}

function isUnreached(error: unknown): boolean {
  return error instanceof ReplicaError && error.message.endsWith("cannot be reached")
}

function readable(error: unknown, target: TopicTarget, context: TaskContext): unknown {
  if (isUnreached(error)) {
    return unreachable(context, target.url, (error as Error).cause ?? error)
  }
  const cure = isSyncError(error) ? cureOf(error.code) : ""
  return new TaskError(`${lineOf(error)}${cure}`, EXIT.failed, { cause: error })
}
