import { ALL, type Allowed, isSameAllowed, NOTHING, termsOf, union } from "./allowed.ts"

/** Keys that a grant names: prefixes, or prefixes and keys. An empty list grants nothing. */
export type GrantedKeys =
  | readonly string[]
  | { readonly prefixes?: readonly string[]; readonly keys?: readonly string[] }

/** The grant on one topic: `true` for every key. A field that is absent grants nothing. */
export interface TopicGrant {
  readonly read?: true | GrantedKeys
  readonly write?: true | GrantedKeys
}

/** Grants by topic: an exact name, or a prefix of names that ends in `*`. */
export type TopicGrants = Readonly<Record<string, TopicGrant>>

/** The grant of one identity. An `authorize` callback of an embedder returns this. */
export interface Grant {
  /** Names the identity in logs and limits; not shown to others. */
  readonly identity: string
  readonly topics: TopicGrants
  /** True if the identity may see metrics and readers, end readers, and drain; no by default. */
  readonly admin?: boolean
  /** The time at which the grant ends by itself, in ms since 1970. */
  readonly expiresAt?: number
  /** Aborted when the grant is withdrawn: every stream under it ends within a second. */
  readonly signal?: AbortSignal
}

/** The keys of one topic that an identity may read, and those that it may write. */
export interface TopicAccess {
  readonly read: Allowed
  readonly write: Allowed
}

const NO_ACCESS: TopicAccess = { read: NOTHING, write: NOTHING }

/**
 * Returns what a map of grants says about a topic: the exact name's entry, else that of the longest
 * `PREFIX*`. The entry that matches replaces all others as a whole.
 */
export function accessOn(topics: TopicGrants, topic: string): TopicAccess {
  if (Object.hasOwn(topics, topic) && !topic.endsWith("*")) return accessOf(topics[topic]!)
  return accessOfLongest(topics, topic)
}

/** Returns what either map grants on a topic: the anonymous grant and a credential's add up. */
export function unionOn(maps: readonly TopicGrants[], topic: string): TopicAccess {
  return unionOf(maps.map((topics) => accessOn(topics, topic)))
}

/** Returns true if there is anything at all to read or write. */
export function hasAccess({ read, write }: TopicAccess): boolean {
  return read.type !== "nothing" || write.type !== "nothing"
}

/**
 * Returns a text that is the same for two grants, each the union of some maps, if they grant the
 * same on every topic. So a rewritten file ends only the streams that it changes.
 *
 * A row stands for the topics that its pattern is the longest match of; a row that grants what the
 * next shorter pattern grants is left out.
 */
export function canonicalGrants(maps: readonly TopicGrants[]): string {
  const names = [...new Set(maps.flatMap((topics) => Object.keys(topics)))].sort()
  const rows = names.flatMap((name) => {
    const access = unionOf(maps.map((topics) => accessUnder(topics, name)))
    const around = unionOf(maps.map((topics) => accessAround(topics, name, names)))
    return isSameAccess(access, around) ? [] : [[name, access]]
  })
  return JSON.stringify(rows)
}

/** The access on the topics that a name or pattern is the longest match of. */
function accessUnder(topics: TopicGrants, name: string): TopicAccess {
  return name.endsWith("*") ? accessOfLongest(topics, name.slice(0, -1)) : accessOn(topics, name)
}

/** The access on those topics if the name or pattern stood in no map. */
function accessAround(topics: TopicGrants, name: string, names: readonly string[]): TopicAccess {
  const inner = name.replace(/\*$/, "")
  const around = names.filter(
    (other) => other !== name && other.endsWith("*") && inner.startsWith(other.slice(0, -1)),
  )
  const longest = around.sort((a, b) => b.length - a.length)[0]
  return longest === undefined ? NO_ACCESS : accessUnder(topics, longest)
}

function accessOfLongest(topics: TopicGrants, text: string): TopicAccess {
  let longest: string | undefined
  for (const pattern of Object.keys(topics)) {
    if (!pattern.endsWith("*") || !text.startsWith(pattern.slice(0, -1))) continue
    if (longest === undefined || pattern.length > longest.length) longest = pattern
  }
  return longest === undefined ? NO_ACCESS : accessOf(topics[longest]!)
}

function unionOf(all: readonly TopicAccess[]): TopicAccess {
  return all.reduce(
    (a, b) => ({ read: union(a.read, b.read), write: union(a.write, b.write) }),
    NO_ACCESS,
  )
}

function isSameAccess(a: TopicAccess, b: TopicAccess): boolean {
  return isSameAllowed(a.read, b.read) && isSameAllowed(a.write, b.write)
}

function accessOf({ read, write }: TopicGrant): TopicAccess {
  return { read: allowedOf(read), write: allowedOf(write) }
}

function allowedOf(granted: true | GrantedKeys | undefined): Allowed {
  if (granted === true) return ALL
  if (granted === undefined) return NOTHING
  if (isList(granted)) return termsOf({ prefixes: granted, keys: [] })
  return termsOf({ prefixes: granted.prefixes ?? [], keys: granted.keys ?? [] })
}

function isList(set: GrantedKeys): set is readonly string[] {
  return Array.isArray(set)
}
