import { type Clock, type Source, SourceError, withDeadline } from "@headwater/core"
import { incarnationOf } from "./epoch.ts"
import type { Answer, Held } from "./sync-state.ts"

/** What a question needs of a syncer. */
export interface QuestionContext {
  readonly source: Source
  readonly clock: Clock
  readonly random: () => number
  readonly askMs: number
  /** What the syncer holds now. */
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
  const { heard: floor, life, served } = held()
  const deadline = { clock, timeoutMs: askMs, errorOf: () => lateAnswer(source, askMs) }
  return withDeadline(deadline, [signal], async (inTime) => {
    const identity = await source.identity(inTime)
    const revision = await source.revision(inTime)
    // Where history begins, and what of it is to be told, matters to the very first list alone.
    const oldest = life === undefined ? await source.oldest?.(inTime) : undefined
    const isListed = life !== undefined && !served
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
