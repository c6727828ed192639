import type { Entry } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import { valueJson } from "./value-text.ts"

/** Writes an entry as a line of an export has it, its value spelled as the hub has it. */
export function entryLine({ key, value, revision }: Entry, kind: ValueKind): string {
  return `{"key":${JSON.stringify(key)},"value":${valueJson(value, kind)},"revision":${revision}}`
}

/** Entries in the order of their keys' UTF-16 code units: equal topics make equal files. */
export function sortedEntries(entries: Iterable<Entry>): Entry[] {
  return [...entries].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}
