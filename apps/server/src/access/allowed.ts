import type { ViewFilter } from "@headwater/protocol"

/**
 * The keys of a topic that something covers: a request, a grant, or both together.
 *
 * `nothing` is never written as empty lists: in a request, no terms at all ask for everything, so
 * an empty intersection that lost its type would open the whole topic.
 */
export type Allowed =
  | { readonly type: "all" }
  | { readonly type: "nothing" }
  /** At least one term; canonical, see `termsOf`. */
  | ({ readonly type: "terms" } & ViewFilter)

/** Covers every key. */
export const ALL: Allowed = { type: "all" }

/** Covers no key. */
export const NOTHING: Allowed = { type: "nothing" }

/**
 * Returns the set of keys that have one of the prefixes or are one of the keys, in canonical form:
 * unique terms in UTF-16 order, without terms that another one covers. The prefix `""` covers
 * everything. Cost: n log n in the number of terms.
 */
export function termsOf({ prefixes, keys }: ViewFilter): Allowed {
  const outermost: string[] = []
  for (const prefix of [...new Set(prefixes)].sort()) {
    // Sorted, a prefix stands before all that begin with it, and those stand together.
    const last = outermost.at(-1)
    if (last === undefined || !prefix.startsWith(last)) outermost.push(prefix)
  }
  if (outermost[0] === "") return ALL
  const single = [...new Set(keys)].sort().filter((key) => !hasPrefixOf(outermost, key))
  if (outermost.length === 0 && single.length === 0) return NOTHING
  return { type: "terms", prefixes: outermost, keys: single }
}

/** Returns the keys that either covers. */
export function union(a: Allowed, b: Allowed): Allowed {
  if (a.type === "all" || b.type === "nothing") return a
  if (b.type === "all" || a.type === "nothing") return b
  return termsOf({
    prefixes: [...a.prefixes, ...b.prefixes],
    keys: [...a.keys, ...b.keys],
  })
}

/** Returns the keys that both cover. Cost: the product of the numbers of prefixes, at most. */
export function intersection(a: Allowed, b: Allowed): Allowed {
  if (a.type === "all" || b.type === "nothing") return b
  if (b.type === "all" || a.type === "nothing") return a
  return termsOf({
    prefixes: [...innerPrefixes(a.prefixes, b), ...innerPrefixes(b.prefixes, a)],
    keys: [...a.keys, ...b.keys].filter((key) => covers(a, key) && covers(b, key)),
  })
}

/** Returns true if the key is covered. */
export function covers(allowed: Allowed, key: string): boolean {
  if (allowed.type !== "terms") return allowed.type === "all"
  return allowed.keys.includes(key) || hasPrefixOf(allowed.prefixes, key)
}

/** Returns true if two sets in canonical form cover the same keys. */
export function isSameAllowed(a: Allowed, b: Allowed): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** A request that a grant cuts down, or refuses. */
export type Cut =
  | {
      readonly type: "allowed"
      /** The keys of the request that the grant covers: these are sent. */
      readonly allowed: Allowed
      /** True if the request covers keys that the grant does not; then the view names the grant. */
      readonly isCut: boolean
    }
  /** A term that meets nothing granted, as the request spelled it. */
  | { readonly type: "refused"; readonly term: string }

/**
 * Cuts a request down to a grant. A request without terms asks for all that is granted.
 *
 * A term inside the grant stays, a wider one is cut to what is granted, and one that meets nothing
 * granted refuses the whole request, whether or not such a key exists.
 */
export function cutTo(grant: Allowed, request: ViewFilter): Cut {
  const asked = requested(request)
  if (grant.type === "all") return { type: "allowed", allowed: asked, isCut: false }
  if (asked.type === "all") return { type: "allowed", allowed: grant, isCut: true }
  for (const prefix of request.prefixes) {
    if (!meets(grant, prefix)) return { type: "refused", term: prefix }
  }
  for (const key of request.keys) if (!covers(grant, key)) return { type: "refused", term: key }
  const allowed = intersection(asked, grant)
  return { type: "allowed", allowed, isCut: !isSameAllowed(allowed, asked) }
}

/** Returns what a request covers: everything, where it has no terms. */
export function requested(request: ViewFilter): Allowed {
  const hasTerms = request.prefixes.length > 0 || request.keys.length > 0
  return hasTerms ? termsOf(request) : ALL
}

/** Returns true if some key that begins with the prefix is covered. */
function meets(allowed: Allowed, prefix: string): boolean {
  if (allowed.type !== "terms") return allowed.type === "all"
  if (hasPrefixOf(allowed.prefixes, prefix)) return true
  const isInside = (term: string) => term.startsWith(prefix)
  return allowed.prefixes.some(isInside) || allowed.keys.some(isInside)
}

function innerPrefixes(prefixes: readonly string[], other: ViewFilter): readonly string[] {
  return prefixes.filter((prefix) => hasPrefixOf(other.prefixes, prefix))
}

// The prefixes are sorted and none covers another, so at most one can cover the key: the last one
// that is not greater than it.
function hasPrefixOf(prefixes: readonly string[], key: string): boolean {
  let low = 0
  let high = prefixes.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (prefixes[middle]! <= key) low = middle + 1
    else high = middle
  }
  return low > 0 && key.startsWith(prefixes[low - 1]!)
}
