import type { Position } from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import {
  AHEAD_WAIT_MS,
  parsePosition,
  type ViewFilter,
  WAIT_JITTER_DIVISOR,
  WAIT_MS_DEFAULT,
  WAIT_MS_MAX,
} from "@headwater/protocol"
import { NotReadyError, RequestError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { Topic } from "../topic.ts"
import { one, type Query } from "./query.ts"
import { positionOf } from "./write.ts"

/** The parameters of a GET that may wait, for `readQuery`. */
export const BLOCKING_RULES = { since: "once", wait: "once", "at-least": "once" } as const

/** What a GET waits for before it is answered. */
export interface Blocking {
  /** Until something that it covers changed after this. */
  readonly since: Position | undefined
  /** For how long, in ms; then it is answered with what there is. */
  readonly waitMs: number
  /** Until the hub is here: read your writes. */
  readonly atLeast: Position | undefined
}

/** Reads `since`, `wait` and `at-least`. @throws {PositionError | RequestError} 400. */
export function readBlocking(query: Query): Blocking {
  const since = positionIn(query, "since")
  const wait = one(query, "wait")
  if (wait !== undefined && since === undefined) throw invalid("wait goes with since")
  if (wait !== undefined && !/^\d{1,7}$/.test(wait)) throw invalid("wait is in milliseconds")
  const waitMs = Math.min(Number(wait ?? WAIT_MS_DEFAULT), WAIT_MS_MAX)
  return { since, waitMs, atLeast: positionIn(query, "at-least") }
}

/**
 * Waits as a GET asks for, so that the present state is its answer. Counts as an open stream as
 * long as it waits, and ends with the hub.
 *
 * An answer may come without a change; its position is never below `since` in one epoch. Cost: for
 * one key O(1) per commit, for a prefix a walk over what changed.
 *
 * @param covered one key, or one prefix.
 * @param request whose client may go.
 * @throws {RequestError} 504: the hub has not got there; 409: it is in another epoch.
 * @throws {NotReadyError} the hub has nothing yet, or is going.
 */
export async function block(
  hub: Hub,
  topic: Topic,
  { since, waitMs, atLeast }: Blocking,
  covered: ViewFilter,
  request: Request,
): Promise<void> {
  if (atLeast === undefined && since === undefined) return
  positionOf(topic)
  // Not looked at by others: Deno aborts it when the answer was sent, too.
  const left = request.signal
  const stop = new AbortController()
  const going = () => stop.abort(new NotReadyError("this hub is going"))
  const onLeft = () => stop.abort(new RequestError("ERR_TIMEOUT", "the client has gone"))
  const release = hub.drain.admit({ goodbye: going, cut: going })
  left.addEventListener("abort", onLeft)
  if (left.aborted) onLeft()
  const { signal } = stop
  try {
    if (atLeast !== undefined) {
      await within(hub, AHEAD_WAIT_MS, signal, (late) => reach(topic, atLeast, late))
    }
    if (since === undefined || positionOf(topic).epoch !== since.epoch) return
    await within(hub, AHEAD_WAIT_MS, signal, (late) => reach(topic, since, late)).catch((error) => {
      // Another epoch began: what is there now is news enough.
      if (error.code !== "ERR_EPOCH_CHANGED") throw error
    })
    const jitterMs = (hub.random() * waitMs) / WAIT_JITTER_DIVISOR
    await within(hub, waitMs - jitterMs, signal, (late) =>
      change(topic, since, covered, late),
    ).catch((error) => {
      if (error.code !== "ERR_TIMEOUT" || signal.aborted) throw error
    })
  } finally {
    left.removeEventListener("abort", onLeft)
    release()
  }
}

// Runs a task until it ends, the time is over, or `outer` is aborted.
async function within(
  { clock }: Hub,
  waitMs: number,
  outer: AbortSignal,
  task: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const late = new AbortController()
  const onAbort = () => late.abort(outer.reason)
  const stopTimer = clock.after(waitMs, () =>
    late.abort(new RequestError("ERR_TIMEOUT", "this hub is behind the position")),
  )
  outer.addEventListener("abort", onAbort)
  if (outer.aborted) onAbort()
  try {
    await task(late.signal)
  } finally {
    stopTimer()
    outer.removeEventListener("abort", onAbort)
    // Whoever still asks the source on our behalf may stop.
    late.abort()
  }
}

async function reach(topic: Topic, position: Position, signal: AbortSignal): Promise<void> {
  let isAsked = false
  for (;;) {
    const { epoch, revision } = positionOf(topic)
    if (epoch !== position.epoch) {
      throw new RequestError("ERR_EPOCH_CHANGED", "this hub is in another epoch", {
        facts: { epoch },
      })
    }
    if (revision >= position.revision) return
    // The hub lists anew where its source is there, and the watch tells nothing. When the source
    // does not answer, or is below, the time decides.
    if (!isAsked) topic.isAtLeast(position.revision, signal).catch(() => {})
    isAsked = true
    await topic.cache.changes.wait(signal)
  }
}

// Resolves once what is covered may have changed after `since`.
async function change(
  topic: Topic,
  since: Position,
  covered: ViewFilter,
  signal: AbortSignal,
): Promise<void> {
  const { cache } = topic
  const located = cache.locate(since)
  if (located.type !== "resume") return
  const { life } = cache.current!
  const [key] = covered.keys
  const revisionNow = () => (key === undefined ? 0 : (cache.get(key)?.revision ?? 0))
  const before = revisionNow()
  if (before > since.revision) return
  let { version } = located
  // An entry that is there tells by itself; an absent one may have been deleted since, once.
  let isTold = before > 0
  for (;;) {
    const now = cache.current!
    const { snapshot } = now
    if (now.life !== life || revisionNow() !== before) return
    if (isTold || snapshot.version === version) {
      await cache.changes.wait(signal)
      continue
    }
    if (version < life.horizon || (await isChanged(topic, version, covered))) return
    version = snapshot.version
    isTold = key !== undefined
  }
}

// Walks, in slices, over what changed after a version, until something is covered.
async function isChanged(topic: Topic, version: number, covered: ViewFilter): Promise<boolean> {
  const { fanOut, values } = topic
  const { limits, leases, turns, views } = fanOut
  fanOut.refresh()
  const view = views!.retain({ ...covered, values })
  const lease = leases.grant(fanOut.moment!.root, limits.listLeaseMs)
  let after: Place | undefined
  const slice = () => {
    // Left too long, or of a life that is over: it may have changed.
    if (lease.root === undefined || view.disposed) return { entries: 1, ended: true }
    const { filter } = view
    const result = lease.root.snapshot.walk({
      since: version,
      values,
      bytesMax: limits.frameBytesMax,
      visitsMax: limits.visitsMax,
      ...(after && { after }),
      ...(filter && { filter }),
    })
    after = result.place
    return { entries: result.entries, ended: result.ended }
  }
  try {
    for (;;) {
      const { entries, ended } = await turns.run(slice)
      if (entries > 0 || ended) return entries > 0
    }
  } finally {
    lease.end()
    views!.release(view)
  }
}

// Empty is as if absent, as on a stream.
function positionIn(query: Query, name: string): Position | undefined {
  const text = one(query, name)
  return text ? parsePosition(text) : undefined
}

function invalid(message: string): RequestError {
  return new RequestError("ERR_REQUEST_INVALID", message)
}
