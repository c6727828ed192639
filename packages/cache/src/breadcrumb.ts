import type { Status } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import type { Life } from "./life.ts"

/**
 * A complete state of the source, as readers meet it: immutable, and whole.
 *
 * The cache holds the newest one and disposes of its snapshot when the next one is there. Who reads
 * across an `await` takes its own handle (`snapshot.retain()`) and a lease on the life
 * (`life.retain()`), and gives both back.
 *
 * After a sweep the newest breadcrumb is given again with the same sequence and a snapshot that no
 * longer holds what was swept: the same entries, a later version. Nobody is woken for it.
 *
 * Source: Typha's `snapcache.Breadcrumb`.
 */
export interface Breadcrumb {
  /** 1 for the first of the cache, then consecutive. */
  readonly sequence: number
  /** When it was made, ms since 1970. */
  readonly timestamp: number
  readonly snapshot: Snapshot
  /** The link to the source, once everything in `snapshot` was applied. */
  readonly status: Status
  readonly life: Life
}
