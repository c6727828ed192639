import { statusKeyOf } from "@headwater/cache"
import { encodeFrame, viewOf } from "@headwater/protocol"
import { partReport } from "../fan-out/part-report.ts"
import type { ReaderContext, ReaderRequest } from "./reader-request.ts"
import { type StartPoint, startPointOf } from "./start-point.ts"
import type { Events, StreamConnection } from "./stream-connection.ts"

/**
 * Waits until the hub can serve a reader, and decides from where. Returns `undefined` when the
 * connection ends before. Yields comments meanwhile, and `status` while no version is complete.
 *
 * A reader may be ahead of this hub, coming from another one: then the source is asked for its
 * revision, and the stream waits until the hub is there.
 *
 * @throws {NotReadyError} after `readyWaitMs`.
 */
export async function* findStart(
  context: ReaderContext,
  request: ReaderRequest,
  connection: StreamConnection,
): Events<StartPoint | undefined> {
  const { fanOut } = context
  const { clock, limits } = fanOut
  const until = clock.elapsed() + limits.readyWaitMs
  const stopTimer = clock.after(limits.readyWaitMs, () => connection.ring())
  try {
    let told = ""
    fanOut.refresh()
    while (fanOut.current === undefined) {
      if (connection.ending !== undefined) return undefined
      const report = request.isPartial ? partReport(fanOut.report) : fanOut.report
      if (statusKeyOf(report) === told) {
        yield* connection.rest(until, "the source has not been read yet")
        continue
      }
      told = statusKeyOf(report)
      yield connection.sent(
        encodeFrame({ type: "status", report: { ...report, status: "waiting" } }),
      )
    }
    const start = decide(context, request)
    return start === "ahead" ? yield* awaitPosition(context, request, connection, until) : start
  } finally {
    stopTimer()
  }
}

async function* awaitPosition(
  context: ReaderContext,
  request: ReaderRequest,
  connection: StreamConnection,
  until: number,
): Events<StartPoint | undefined> {
  const asking = new AbortController()
  const { signal } = asking
  let isThere: boolean | undefined
  try {
    void ringOnProgress(context, connection, signal)
    context.isAtLeast(request.from!.revision, signal).then(
      (answer) => {
        isThere = answer
        connection.ring()
      },
      () => {}, // The source does not answer: the deadline decides.
    )
    let start = decide(context, request)
    while (start === "ahead") {
      if (connection.ending !== undefined) return undefined
      if (isThere === false) return { version: 0, floor: 0, reset: "ahead" }
      yield* connection.rest(until, "this hub is behind the position")
      start = decide(context, request)
    }
    return start
  } finally {
    asking.abort()
  }
}

function decide(
  { fanOut, warnOfEpoch }: ReaderContext,
  request: ReaderRequest,
): StartPoint | "ahead" {
  const { cache, values } = fanOut
  if (cache.current?.epochState !== fanOut.current?.pinned.epochState) fanOut.refresh()
  const { epoch } = fanOut.current!.pinned.epochState
  const { from, isOwnId, prefixes, keys, grant } = request
  const view = viewOf({ values, prefixes, keys, grant })
  const start = startPointOf(from, isOwnId, { epoch, view }, (position) => cache.locate(position))
  if (start === "ahead") return start
  if (start.reset === "epoch-changed") warnOfEpoch()
  const { pinned, position } = fanOut.current!
  if (start.version > pinned.version || start.floor > position.revision) fanOut.refresh()
  return start
}

async function ringOnProgress(
  context: ReaderContext,
  connection: StreamConnection,
  signal: AbortSignal,
): Promise<void> {
  try {
    for (;;) {
      await context.fanOut.cache.changes.wait(signal)
      connection.ring()
    }
  } catch {
    // The signal was aborted: the reader waits no more.
  }
}
