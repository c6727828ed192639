import type { EntryChange } from "./replica.ts"
import { isSameValue } from "./same-value.ts"
import type { ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"

/** The keys that changed, each with the entry that a consumer last saw under it. */
export type Replaced<Value = unknown> = ReadonlyMap<string, ReplicaEntry<Value> | undefined>

/** Lists the changes from the replaced entries to a state. A touch is no change. */
export function changesOf<Value>(
  replaced: Replaced<Value>,
  after: Pick<ReplicaSnapshot<Value>, "getEntry">,
): EntryChange<Value>[] {
  const changes: EntryChange<Value>[] = []
  for (const [key, previous] of replaced) {
    const entry = after.getEntry(key)
    if (!previous) entry && changes.push({ type: "new", entry })
    else if (!entry) changes.push({ type: "deleted", previous })
    else if (!isSameValue(previous.value, entry.value)) {
      changes.push({ type: "updated", entry, previous })
    }
  }
  return changes
}
