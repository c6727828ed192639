import type { Source } from "@headwater/core"

/** Every member of a source, so that a new one that is left out here does not compile. */
const MEMBERS: { readonly [Name in keyof Source]-?: true } = {
  name: true,
  identity: true,
  namesEpochs: true,
  epochPerHub: true,
  revision: true,
  reaches: true,
  oldest: true,
  lastChange: true,
  list: true,
  watch: true,
  write: true,
  close: true,
}

/**
 * A source with some members replaced, or taken away where they are `undefined`; all others are
 * those of `source`, which stays as it is.
 */
export function mapSource(
  source: Source,
  changes: { readonly [Name in keyof Source]?: Source[Name] | undefined },
): Source {
  const mapped: Record<string, unknown> = {}
  for (const name of Object.keys(MEMBERS) as (keyof Source)[]) {
    const member = Object.hasOwn(changes, name) ? changes[name] : source[name]
    if (member === undefined) continue
    const isOwn = typeof member === "function" && member === source[name]
    mapped[name] = isOwn ? member.bind(source) : member
  }
  return mapped as unknown as Source
}
