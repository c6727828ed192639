import type { EntryChange } from "./replica.ts"
import { isSameValue } from "./same-value.ts"
import type { ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"

/** What somebody last saw under each key that is another one since. */
export type Replaced<Value = unknown> = ReadonlyMap<string, ReplicaEntry<Value> | undefined>

/** What changed for somebody who last saw what was replaced, up to a state. A touch is nothing. */
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
