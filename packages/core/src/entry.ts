import type { Revision } from "./revision.ts"

/** A key, its value and the revision that last wrote it. Never mutated once handed over. */
export interface Entry {
  /** 1 to 4,096 bytes of UTF-8, compared as bytes. */
  readonly key: string
  readonly value: Uint8Array
  readonly revision: Revision
}

/**
 * A change as the cache applied it.
 *
 * `touch` means that the key was written again with the value that the follower already has; only
 * its revision moved.
 */
export type Delta =
  | {
      readonly op: "put"
      readonly key: string
      readonly value: Uint8Array
      readonly revision: Revision
    }
  | { readonly op: "delete"; readonly key: string; readonly revision: Revision }
  | { readonly op: "touch"; readonly key: string; readonly revision: Revision }
