import { assert } from "@headwater/core"
import type { Held, Phase, SyncState } from "./sync-state.ts"

/**
 * Asserts what holds in every state that `merge` makes. Tests and the simulator call it after each
 * step; it costs some comparisons.
 *
 * @throws {InvariantError} it names what was expected.
 */
export function assertInvariants({ held, phase }: SyncState): void {
  assertRevisions(held)
  assertStatus(held)
  assertFailures(held)
  assertPhase(held, phase)
}

function assertRevisions({ contiguous, observed, sourceEpoch, past }: Held): void {
  assert(contiguous <= observed, "what was handed to the cache was named by the source before")
  assert(
    sourceEpoch !== undefined || (observed === 0 && past.length === 0),
    "revisions are of a known sourceEpoch",
  )
  const identities = new Set(past.map(({ identity }) => identity))
  assert(identities.size === past.length, "a past sourceEpoch is remembered once")
}

function assertStatus({ code, contiguous, polling, served, status }: Held): void {
  assert((status === "waiting") === !served, "the status is waiting until something was whole")
  assert(served || contiguous === 0, "nothing is contiguous before something was whole")
  assert(status !== "stale" || code !== undefined, "stale says why")
  const isFine = status === "in-sync" || status === "resyncing"
  assert(!isFine || code === undefined, "a status without a failure has no code")
  assert(!polling || served, "what is polled was listed")
}

function assertFailures({ attempts, errors, relists, staleReads, unanswered }: Held): void {
  const counts = [attempts, errors, relists, staleReads, unanswered]
  assert(Math.min(...counts) >= 0, "failures are counted from 0 up")
  assert(attempts > 0 || unanswered === 0, "unanswered questions are failures")
}

function assertPhase({ contiguous, sourceEpoch }: Held, phase: Phase): void {
  if (phase.name === "watching") {
    assert(sourceEpoch !== undefined, "a sourceEpoch is watched that is known")
    assert(phase.settlingFrom <= contiguous, "what is told only grows")
  }
  if (phase.name !== "listing") return
  const { request, revision, watchOpen } = phase
  assert(sourceEpoch !== undefined, "a sourceEpoch is listed that is known")
  assert(!watchOpen || revision !== undefined, "a watch beside a list begins where it ends")
  if (revision === undefined) return
  assert(revision >= (request.atLeast ?? 0), "a list is as new as was asked for")
  assert(request.at === undefined || revision === request.at, "a list is as of what was asked for")
}
