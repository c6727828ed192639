/**
 * A view that is built from events, with a result that can be read at any time.
 *
 * A view is made for one snapshot and the commits after it. When upstream begins anew, another one
 * is made beside it, and takes its place once that snapshot is whole. So a view is never reset.
 */
export interface MaterializedView<Payload, Result> {
  /**
   * Takes events: the first time all of a snapshot, maybe none; then those of one commit. When it
   * throws, the view is given up, and made anew from a fresh snapshot.
   */
  update(events: readonly Payload[]): void
  /** The result now. Callers share it, so it must not change afterwards. */
  result(): Result
}

/** An event of a view of entries. */
export type KeyedEvent<Value> =
  | { readonly op: "put"; readonly key: string; readonly value: Value }
  | { readonly op: "delete"; readonly key: string }

/** The filter and the order of a view of entries. */
export interface EntriesViewOptions<Value> {
  /** Returns whether a value is shown. An entry whose value no longer is disappears. */
  readonly filter?: (value: Value, key: string) => boolean
  /** The order of the result; that of keys when absent. */
  readonly compare?: (a: Value, b: Value) => number
}

/**
 * A view of entries: those that pass a filter, in order.
 *
 * Cost: O(events) an update, O(n log n) a result. Source: Consul `healthView`.
 */
export function entriesView<Value>({
  filter = () => true,
  compare,
}: EntriesViewOptions<Value> = {}): MaterializedView<KeyedEvent<Value>, readonly Value[]> {
  const shown = new Map<string, Value>()
  return {
    update(events) {
      for (const event of events) {
        if (event.op === "put" && filter(event.value, event.key)) shown.set(event.key, event.value)
        else shown.delete(event.key)
      }
    },
    result() {
      if (compare) return [...shown.values()].sort(compare)
      return [...shown].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
    },
  }
}
