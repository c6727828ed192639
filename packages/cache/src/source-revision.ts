import { isRevision, type Revision, SourceError } from "@headwater/core"

/** Refuses a revision of the source that is not one. @throws {SourceError} */
export function checkRevision(revision: Revision): void {
  if (isRevision(revision)) return
  throw new SourceError(`the source gave ${revision} as a revision, which is an integer ≥ 0`)
}
