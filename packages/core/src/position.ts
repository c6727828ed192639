import type { Revision } from "./revision.ts"

/**
 * A place to resume from, in any process that follows the same source: "I hold everything up to
 * `revision` in `epoch`".
 *
 * Positions of two epochs cannot be compared. How one is written as text is
 * `@headwater/protocol`'s. Source: centrifuge's offset and epoch.
 */
export interface Position {
  /** One epoch of one source, `[A-Za-z0-9_-]{1,64}`. Opaque. */
  readonly epoch: string
  readonly revision: Revision
}
