import { encodeUtf8 } from "@headwater/core"
import { hex8 } from "./digest.ts"
import type { ValueKind } from "./value-kind.ts"
import { xxHash32 } from "./xx-hash32.ts"

/** Prefixes and keys: an entry passes when it has one of the prefixes or is one of the keys. */
export interface ViewFilter {
  readonly prefixes: readonly string[]
  readonly keys: readonly string[]
}

/** A filter as it is asked for, with the grant of the reader. */
export interface GrantedFilter extends ViewFilter {
  /**
   * The terms that the filter and the grant have in common, without those that others cover; absent
   * where the grant cuts nothing off the filter.
   */
  readonly grant?: ViewFilter | undefined
}

/** The entries that one reader asks for and may see. */
export interface ViewSpec extends GrantedFilter {
  readonly values: ValueKind
}

/**
 * Names a view: `""` when nothing is filtered and the grant is full, else 8 hex digits.
 *
 * Hubs of one source must agree on it, whatever the order and repetition in the query, because an
 * id of one hub is resumed from on another. So: xxHash32, seed 0, of the UTF-8 of `[values,
 * [prefixes, keys], grant && [prefixes, keys] or null]` as JSON without white space, each list
 * sorted by UTF-16 code units, unique; a filter that holds the prefix `""` is no filter.
 */
export function viewOf(spec: ViewSpec): string {
  const asked = canonical(spec)
  const granted = spec.grant?.prefixes.includes("")
    ? undefined
    : spec.grant && canonical(spec.grant)
  const [prefixes, keys] = asked
  // A request without prefixes and keys is unfiltered.
  if (prefixes.length === 0 && keys.length === 0 && !granted) return ""
  const text = JSON.stringify([spec.values, asked, granted ?? null])
  return hex8(xxHash32(new DataView(encodeUtf8(text).buffer), 0))
}

type CanonicalFilter = readonly [prefixes: string[], keys: string[]]

function canonical(filter: ViewFilter): CanonicalFilter {
  if (filter.prefixes.includes("")) return [[], []]
  return [[...new Set(filter.prefixes)].sort(), [...new Set(filter.keys)].sort()]
}
