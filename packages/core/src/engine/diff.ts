import type { Revision } from "../revision.ts"
import type { Host } from "./host.ts"
import { OP_DELETE, OP_PUT } from "./layout.ts"
import { type Place, readRecords, walkSlice } from "./walk.ts"

/**

 * The difference of one key between two snapshots. `value` and `revision` are the newer

 * snapshot's.

 */
export type Difference =
  | {
      readonly type: "added" | "updated"
      readonly key: string
      readonly value: Uint8Array
      readonly revision: Revision
    }
  /** The revision is that of the entry which is gone. */
  | { readonly type: "removed"; readonly key: string; readonly revision: Revision }

/** Every difference between two roots, slice by slice. */
export function* diffRoots(
  host: Host,
  roots: { readonly root: number; readonly oldRoot: number; readonly version: number },
  filter: number,
): Generator<Difference> {
  let after: Place | undefined
  for (;;) {
    const slice = walkSlice(host, roots.root, roots.version, {
      mode: "diff",
      since: 0,
      after,
      filter,
      bytesMax: 65_536,
      visitsMax: 20_000,
      oldRoot: roots.oldRoot,
    })
    const differences: Difference[] = []
    for (const { op, key, value, revision } of readRecords(host, slice.entries)) {
      if (op === OP_DELETE) differences.push({ type: "removed", key, revision })
      else differences.push({ type: op === OP_PUT ? "added" : "updated", key, value, revision })
    }
    yield* differences
    if (slice.ended) return
    after = slice.place
  }
}
