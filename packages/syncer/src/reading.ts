import {
  backoffMs,
  type Clock,
  LinkedAbort,
  type ListRequest,
  type Revision,
  type Source,
  SourceError,
  type WatchEvent,
  withDeadline,
} from "@headwater/core"
import { type Activity, codeOf } from "./activity.ts"
import { incarnationOf } from "./epoch.ts"
import type { SyncerLimits } from "./limits.ts"
import type { Answer, Held } from "./merge/sync-state.ts"
import { readAll } from "./read-all.ts"

/** The parts of a syncer that reading a source uses. */
export interface ReadingContext {
  readonly source: Source
  readonly clock: Clock
  readonly random: () => number
  readonly limits: SyncerLimits
  /** The syncer's present knowledge of the source. */
  held(): Held
}

/**
 * The activities of a syncer at its source: it asks, waits, lists and watches, and reports the
 * results. Decides nothing.
 */
export class Reading {
  readonly #context: ReadingContext
  readonly #question: QuestionContext
  #listedAt = Number.NEGATIVE_INFINITY

  constructor(context: ReadingContext) {
    this.#context = context
    this.#question = { ...context, askMs: context.limits.askMs }
  }

  /** Asks for the identity and the revision of the source. */
  async ask(self: Activity): Promise<void> {
    await self.report({ type: "asked", ...(await this.#ask(self.signal)) })
  }

  /** Backs off after so many failures, of questions or of more than that. */
  async pause(self: Activity, failed: { attempt: number; of?: "question" }): Promise<void> {
    const { clock, limits, random } = this.#context
    const { backoffMinMs, backoffMaxMs, askMaxMs } = limits
    const longestMs = failed.of === undefined ? backoffMaxMs : Math.min(askMaxMs, backoffMaxMs)
    const backoff = { firstMs: backoffMinMs, maxMs: longestMs }
    await clock.sleep(backoffMs(failed.attempt, backoff, random()), self.signal)
    await self.report({ type: "resumed" })
  }

  /** Waits until it is time to read a source again that reports no changes. */
  async rest(self: Activity): Promise<void> {
    const { clock, limits } = this.#context
    await clock.sleep(limits.pollMs, self.signal)
    await self.report({ type: "resumed" })
  }

  /** Reads all pages, not sooner than `listMinMs` after the list before, and asks again. */
  async list(self: Activity, request: ListRequest): Promise<void> {
    const { source, clock, limits } = this.#context
    const waitMs = this.#listedAt + limits.listMinMs - clock.elapsed()
    if (waitMs > 0) await clock.sleep(waitMs, self.signal)
    this.#listedAt = clock.elapsed()
    const silenceMs = limits.listSilenceMs
    const link = new LinkedAbort(self.signal)
    const onSilence = () => link.abort(new SourceError(`no page for ${silenceMs} ms`))
    try {
      const pages = source.list(request, link.signal)
      await readAll(pages, { clock, silenceMs, onSilence }, (page) =>
        self.report({ type: "page", page }),
      )
    } finally {
      link.unlink()
    }
    await self.report({ type: "listed", ...(await this.#ask(self.signal)) })
  }

  /** Reads a watch until it ends. Before its first word the source is asked who it is. */
  async watch(self: Activity, from: Revision, onSilence: () => void): Promise<void> {
    const { source, clock, limits } = this.#context
    const watchdog = { clock, silenceMs: limits.watchSilenceMs, onSilence }
    let verified = false
    let lost = false
    await readAll(source.watch(from, self.signal), watchdog, async (event) => {
      if (!verified) await self.report({ type: "verified", ...(await this.#ask(self.signal)) })
      verified = true
      lost ||= event.type === "lost"
      const code = event.type === "lost" && event.error ? { code: codeOf(event.error) } : {}
      await self.report({ ...event, ...code }, weightOf(event))
    })
    if (!lost) await self.report({ type: "lost", reason: "closed" })
  }

  #ask(signal: AbortSignal): Promise<Answer> {
    return question(this.#question, signal)
  }
}

/** The objects of a change, or of a commit, beside their keys and values: bytes on V8, nearly. */
const OBJECT_BYTES = 250

/**
 * Bytes that an event of a watch holds, nearly: its values, its keys as if they were ASCII, and the
 * objects that they stand in.
 */
export function weightOf(event: WatchEvent): number {
  if (event.type !== "commits") return 0
  let bytes = 0
  for (const { changes, deltas = [], directories = [], invalid = [] } of event.commits) {
    bytes += OBJECT_BYTES
    for (const change of [...changes, ...deltas]) {
      const value = change.op === "put" ? change.value.byteLength : 0
      bytes += OBJECT_BYTES + change.key.length + value
    }
    for (const directory of directories) bytes += directory.length
    for (const { key, reason } of invalid) bytes += OBJECT_BYTES + key.length + reason.length
  }
  return bytes
}

/** The parts of a syncer that a question uses. */
export interface QuestionContext {
  readonly source: Source
  readonly clock: Clock
  readonly random: () => number
  readonly askMs: number
  /** The syncer's present knowledge of the source. */
  held(): Held
}

/**
 * Asks a source who it is and how far, within `askMs`.
 *
 * The answers are given one after the other, so another source may have taken the place of the
 * first between them: the name of the one with the revision of the other looks like history that
 * went back, now or when the one comes back. So it is asked who it is before and after, and is
 * believed when both say the same.
 *
 * @throws {SourceError} it did not answer in time, or was replaced meanwhile.
 */
export function question(context: QuestionContext, signal: AbortSignal): Promise<Answer> {
  const { source, clock, random, askMs, held } = context
  const { observed: floor, sourceEpoch, served } = held()
  const deadline = { clock, timeoutMs: askMs, errorOf: () => lateAnswer(source, askMs) }
  return withDeadline(deadline, [signal], async (inTime) => {
    const identity = await source.identity(inTime)
    const revision = await source.revision(inTime)
    // Only the very first list needs to know where history begins, and what of it to publish.
    const oldest = sourceEpoch === undefined ? await source.oldest?.(inTime) : undefined
    const isListed = sourceEpoch !== undefined && !served
    const lastChange = isListed ? await source.lastChange?.(inTime) : undefined
    const again = await source.identity(inTime)
    if (again !== identity) throw new SourceError(`${source.name} was replaced while it was asked`)
    const incarnation = incarnationOf(random)
    const answer = { identity, revision, floor, incarnation }
    return {
      ...answer,
      ...(oldest !== undefined && { oldest }),
      ...(lastChange !== undefined && { lastChange }),
    }
  })
}

/** The error for a source that did not answer in time. */
export function lateAnswer({ name }: Source, timeoutMs: number): SourceError {
  return new SourceError(`${name} did not answer within ${timeoutMs} ms`)
}
