import {
  isSyncError,
  LinkedAbort,
  onAbort,
  type Position,
  type SyncErrorCode,
  withDeadline,
} from "@headwater/core"
import type { Place } from "@headwater/core/engine"
import {
  AHEAD_WAIT_MS,
  type GrantedFilter,
  parsePosition,
  WAIT_JITTER_DIVISOR,
  WAIT_MS_DEFAULT,
  WAIT_MS_MAX,
} from "@headwater/protocol"
import { countedIdentity } from "../access/session.ts"
import { invalid, NotReadyError, RequestError, UnauthenticatedError } from "../errors.ts"
import type { Hub } from "../hub.ts"
import type { Topic } from "../topic.ts"
import { countedAddress } from "./admission.ts"
import { sessionOf } from "./authenticate.ts"
import { one, type Query } from "./query.ts"

/** Rules of the parameters of a GET that may wait, for `readQuery`. */
export const BLOCKING_RULES = { since: "once", wait: "once", "at-least": "once" } as const

/** The waits that a GET asks for before its answer. */
export interface Blocking {
  /** Waits until a covered entry changed after this position. */
  readonly since: Position | undefined
  /** The longest wait for a change, in ms; then the present state is the answer. */
  readonly waitMs: number
  /** Waits until the hub is at this position: read your writes. */
  readonly atLeast: Position | undefined
}

/** Reads `since`, `wait` and `at-least`. @throws {PositionError | RequestError} 400. */
export function readBlocking(query: Query): Blocking {
  const since = positionIn(query, "since")
  const wait = one(query, "wait")
  if (wait !== undefined && since === undefined)
    throw invalid("wait needs since, the position to wait from")
  if (wait !== undefined && !/^\d{1,7}$/.test(wait))
    throw invalid(`wait is a number of ms, at most 7 digits; not ${JSON.stringify(wait)}`)
  const waitMs = Math.min(Number(wait ?? WAIT_MS_DEFAULT), WAIT_MS_MAX)
  return { since, waitMs, atLeast: positionIn(query, "at-least") }
}

/**
 * Waits as a GET asks for, so that the present state is its answer. The wait counts as an open
 * stream, and ends with the hub.
 *
 * An answer may come without a change; its position is never below `since` in one epoch. Cost: for
 * one key O(1) per commit, for a prefix a walk over the changes.
 *
 * Decision: docs/decisions/server.md, “A blocking GET counts as an open stream”.
 *
 * @param covered one key, or one prefix.
 * @param request the wait ends when its client leaves.
 * @throws {RequestError} 504: the hub has not reached the position; 409: it is in another epoch.
 * @throws {NotReadyError} the hub has no state yet, or shuts down.
 * @throws {UnauthenticatedError} its grant ended meanwhile.
 */
export async function block(
  hub: Hub,
  topic: Topic,
  { since, waitMs, atLeast }: Blocking,
  covered: GrantedFilter,
  request: Request,
): Promise<void> {
  if (atLeast === undefined && since === undefined) return
  const { epoch, revision } = topic.position()
  const isReached = atLeast?.epoch === epoch && revision >= atLeast.revision
  // Nothing to wait for: a hub that takes no more streams answers, too.
  if (since === undefined && isReached) return
  const stop = new LinkedAbort()
  const shutDown = new NotReadyError("this hub is shutting down")
  const end = () => stop.abort(shutDown)
  const peer = countedAddress(request)
  const open = { topic: topic.name, peer, goodbye: end, cut: end }
  const release = hub.streams.admit(open, countedIdentity(sessionOf(request)))
  const { observer } = hub
  observer.onBlockingGet?.({ topic: topic.name, change: 1 })
  // Looked at here alone: Deno aborts it when the answer was sent, too.
  const withdraw = onAbort(request.signal, () =>
    stop.abort(new RequestError("ERR_TIMEOUT", "the client left before the answer")),
  )
  const endHold = sessionOf(request).hold({
    end: () => stop.abort(new UnauthenticatedError("the grant of this request has ended")),
  })
  const { signal } = stop
  try {
    if (atLeast !== undefined) await reachInTime(hub, topic, atLeast, signal)
    if (since === undefined || topic.position().epoch !== since.epoch) return
    await reachInTime(hub, topic, since, signal).catch((error) => {
      // The state of another epoch is itself the change that the caller waits for.
      if (!hasCode(error, "ERR_EPOCH_CHANGED")) throw error
    })
    const jitterMs = (hub.random() * waitMs) / WAIT_JITTER_DIVISOR
    const timedOut = new RequestError("ERR_TIMEOUT", "nothing changed in the time of wait")
    const deadline = { clock: hub.clock, timeoutMs: waitMs - jitterMs, errorOf: () => timedOut }
    await withDeadline(deadline, [signal], (late) => change(topic, since, covered, late)).catch(
      (error) => {
        // A hub that drains answers early, and is there to do so.
        const isEarly = error === shutDown && hub.drain.phase !== "serving"
        if (error !== timedOut && !isEarly) throw error
      },
    )
  } finally {
    withdraw()
    endHold()
    release()
    observer.onBlockingGet?.({ topic: topic.name, change: -1 })
  }
}

// Waits until the topic is at a position; 504 when that takes too long.
function reachInTime(hub: Hub, topic: Topic, position: Position, signal: AbortSignal) {
  const { clock } = hub
  const errorOf = () => {
    const message =
      `timed out after ${AHEAD_WAIT_MS / 1_000} s waiting for revision ${position.revision}; ` +
      `this hub is at ${topic.cache.position?.revision}`
    return new RequestError("ERR_TIMEOUT", message)
  }
  return withDeadline({ clock, timeoutMs: AHEAD_WAIT_MS, errorOf }, [signal], (late) =>
    reach(topic, position, late),
  )
}

function hasCode(error: unknown, code: SyncErrorCode): boolean {
  return isSyncError(error) && error.code === code
}

async function reach(topic: Topic, position: Position, signal: AbortSignal): Promise<void> {
  let isAsked = false
  for (;;) {
    const { epoch, revision } = topic.position()
    if (epoch !== position.epoch) {
      const { name } = topic
      const message = `the position is of epoch ${position.epoch}; topic ${name} is in ${epoch}`
      throw new RequestError("ERR_EPOCH_CHANGED", message, { facts: { epoch } })
    }
    if (revision >= position.revision) return
    // Makes the hub list anew, should its watch be silent although the source is at the revision.
    // When the source does not answer, or is below, the deadline decides.
    if (!isAsked) topic.isAtLeast(position.revision, signal).catch(() => {})
    isAsked = true
    await topic.cache.changes.wait(signal)
  }
}

// Resolves once a covered entry may have changed after `since`.
async function change(
  topic: Topic,
  since: Position,
  covered: GrantedFilter,
  signal: AbortSignal,
): Promise<void> {
  const { cache } = topic
  const located = cache.locate(since)
  if (located.type !== "resume") return
  const { epochState } = cache.current!
  const [key] = covered.keys
  const revisionNow = () => (key === undefined ? 0 : (cache.get(key)?.revision ?? 0))
  const before = revisionNow()
  if (before > since.revision) return
  let { version } = located
  // The revision of an entry that exists is enough; an absent one may have been deleted since.
  let isKnown = before > 0
  for (;;) {
    const now = cache.current!
    const { snapshot } = now
    if (now.epochState !== epochState || revisionNow() !== before) return
    if (isKnown || snapshot.version === version) {
      await cache.changes.wait(signal)
      continue
    }
    if (version < epochState.horizon || (await isChanged(topic, version, covered))) return
    version = snapshot.version
    isKnown = key !== undefined
  }
}

// Walks, in slices, over the changes after a version, until one is covered.
async function isChanged(topic: Topic, version: number, covered: GrantedFilter): Promise<boolean> {
  const { fanOut, values } = topic
  const { limits, leases, turns, views } = fanOut
  fanOut.refresh()
  const view = views!.retain({ ...covered, values })
  const lease = leases.grant(fanOut.current!.pinned, limits.listLeaseMs)
  let after: Place | undefined
  const slice = () => {
    // The walk stalled too long, or the epoch is over: something may have changed.
    if (lease.pinned === undefined || view.disposed) return { entries: 1, ended: true }
    const { filter } = view
    const result = lease.pinned.snapshot.walk({
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

// An empty position is the same as none, as on a stream.
function positionIn(query: Query, name: string): Position | undefined {
  const text = one(query, name)
  return text ? parsePosition(text) : undefined
}
