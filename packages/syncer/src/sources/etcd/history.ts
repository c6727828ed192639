import { type Clock, LinkedAbort, type Revision, SourceError } from "@headwater/core"
import { CallFailure } from "./call-failure.ts"
import type { Gateway } from "./gateway.ts"
import { readLines } from "./json-lines.ts"
import type { KeySpace } from "./key-space.ts"
import { type RangeAnswer, revisionOf, type WatchLine } from "./messages.ts"

/** The parts of a source that a look at etcd's history uses. */
export interface HistoryContext {
  readonly gateway: Gateway
  readonly keys: KeySpace
  readonly clock: Clock
  /** No more revisions than these are gone back. */
  readonly historyRevisionsMax: number
}

/** etcd says within 0.1 s that a watch begins too early; a slow one is not waited for. */
const TOLD_MS = 2_000
const LINE_CHARS_MAX = 65_536

/**
 * The oldest revision that can be listed and watched from; see `Source.oldest`.
 *
 * etcd has no question for it: a read below says only that it is compacted, a watch says how far.
 * Costs one read where nothing was compacted, else a watch of 0.1 s as well.
 */
export async function oldestOf(
  context: HistoryContext,
  present: Revision,
  signal: AbortSignal,
): Promise<Revision> {
  const { gateway, keys, historyRevisionsMax } = context
  const oldest = Math.max(1, present - historyRevisionsMax)
  if (oldest >= present) return present
  const range = { key: keys.rangeStart, keys_only: true, revision: String(oldest) }
  try {
    await gateway.read<RangeAnswer>("/v3/kv/range", range, signal)
    return oldest
  } catch (error) {
    const cause = error instanceof SourceError ? error.cause : undefined
    if (!(cause instanceof CallFailure) || !cause.compacted) throw error
  }
  return (await compactedTo(context, oldest, signal)) ?? present
}

// A watch of the one key that the range begins with: every user that may read the range may watch
// it, and it hardly ever exists.
async function compactedTo(
  { gateway, keys, clock }: HistoryContext,
  from: Revision,
  signal: AbortSignal,
): Promise<Revision | undefined> {
  const link = new LinkedAbort(signal)
  const cancel = clock.after(TOLD_MS, () => link.abort())
  const request = { create_request: { key: keys.rangeStart, start_revision: String(from) } }
  try {
    const lines = gateway.stream("/v3/watch", [request], link.signal, (body) =>
      readLines(body, LINE_CHARS_MAX, link.signal),
    )
    for await (const line of lines) {
      const { result } = JSON.parse(line) as WatchLine
      const revision = revisionOf(result?.compact_revision)
      if (revision > 0) return revision
      if (!result?.created) return undefined
    }
  } catch (error) {
    signal.throwIfAborted()
    if (!link.signal.aborted) throw error
  } finally {
    cancel()
    link.abort()
  }
  return undefined
}
