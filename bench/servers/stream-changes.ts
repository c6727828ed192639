/** A change or an entry, as a stream carries it. */
export interface StreamedEntry {
  readonly key: string
  /** As JSON. */
  readonly value: string
}

/** Each change in the deltas of a stream, in order. */
export function changesIn(body: string): StreamedEntry[] {
  return dataOf(body, "delta").flatMap((data) => entriesOf((data as { changes: unknown }).changes))
}

/** Each entry of the snapshots of a stream, in order. */
export function entriesIn(body: string): StreamedEntry[] {
  return dataOf(body, "snapshot").flatMap((data) =>
    entriesOf((data as { entries: unknown }).entries),
  )
}

/** The state of a reader of the stream: the last value of each key. */
export function stateIn(body: string): ReadonlyMap<string, string> {
  return new Map([...entriesIn(body), ...changesIn(body)].map(({ key, value }) => [key, value]))
}

function entriesOf(list: unknown): StreamedEntry[] {
  const entries = list as readonly { readonly key: string; readonly value: unknown }[]
  return entries.map(({ key, value }) => ({ key, value: JSON.stringify(value) }))
}

/** The data of each whole event of a type, some servers write no space after the colon. */
function dataOf(body: string, type: string): unknown[] {
  const isIt = new RegExp(`^event: ?${type}$`, "m")
  return body
    .split("\n\n")
    .slice(0, -1)
    .filter((event) => isIt.test(event))
    .map((event) => JSON.parse(/^data: ?(.*)$/m.exec(event)?.[1] ?? "null"))
}
