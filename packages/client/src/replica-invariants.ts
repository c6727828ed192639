import { assert } from "@headwater/core"
import { Digest, readStreamId } from "@headwater/protocol"
import type { ReplicaState } from "./replica-state.ts"

/**
 * Asserts the invariants of a replica's state that its own code does not check: for tests, after
 * each frame. In a file of its own, so that no page carries it.
 *
 * @throws {InvariantError} one does not hold.
 */
export function assertInvariants(state: ReplicaState): void {
  const { entries, position, digest, resume } = state
  const sum = new Digest()
  for (const [key, entry] of entries) {
    assert(entry.key === key, `the entry under ${key} has that key`)
    assert(entry.value !== undefined, `the entry under ${key} has a value`)
    sum.add(key, entry.revision)
  }
  assert(digest === `${sum}`, "the digest is the sum over the entries")
  assert(`${entries.digest}` === digest, "the running digest is the one of the last id")
  assert(position || entries.size === 0, "there are no entries before the first position")

  const id = readStreamId(resume)
  assert(id || resume === "", "the id to resume from is a stream id, or empty")
  if (!id || !position) return
  const isAt = id.epoch === position.epoch && id.revision === position.revision
  assert(isAt || id.revision === 0, "the next stream resumes from the position, or from nothing")
}
