import { computed, effect, signal } from "@preact/signals"
import { hubLink, topics } from "./hub-state.ts"
import { RequestFailure, requestJson } from "./request.ts"
import { token } from "./session.ts"

/** A set of keys that a grant allows: all, or those of some prefixes and keys. */
type GrantSet =
  | true
  | readonly string[]
  | { readonly prefixes?: readonly string[]; readonly keys?: readonly string[] }

interface TopicGrant {
  readonly read?: GrantSet
  readonly write?: GrantSet
}

/** The answer of `GET /v1/access`. */
interface AccessBody {
  readonly identity: string | null
  readonly topics?: Readonly<Record<string, TopicGrant>>
  readonly admin?: boolean
  readonly expires?: string | null
}

/** The rights of the page's user; undefined where the hub has no `/v1/access`. */
export const access = signal<AccessBody | undefined>(undefined)

/** Asks for the rights again whenever the token changes or the hub comes back. */
export function followAccess(): void {
  const isOnline = computed(() => hubLink.value.state === "online")
  effect(() => {
    if (!isOnline.value || token.value === undefined) return
    requestJson<AccessBody>("v1/access")
      .then((body) => {
        access.value = body
      })
      .catch((error: unknown) => {
        if (!(error instanceof RequestFailure)) throw error
        access.value = undefined
      })
      .catch(console.error)
  })
}

/** Returns true where the user may write a key; without `/v1/access`, as the topic says. */
export function mayWrite(topic: string, key: string): boolean {
  const state = topics.value?.find((known) => known.topic === topic)
  if (!state?.writable) return false
  const grants = access.value?.topics
  if (grants === undefined) return true
  const grant = grantOf(grants, topic)?.write
  return grant !== undefined && isInSet(grant, key)
}

/** Returns the grant of a topic: under its name, else under the longest prefix with a star. */
export function grantOf(
  grants: Readonly<Record<string, TopicGrant>>,
  topic: string,
): TopicGrant | undefined {
  if (Object.hasOwn(grants, topic)) return grants[topic]
  const patterns = Object.keys(grants)
    .filter((name) => name.endsWith("*") && topic.startsWith(name.slice(0, -1)))
    .sort((a, b) => b.length - a.length)
  return patterns[0] === undefined ? undefined : grants[patterns[0]]
}

/** Returns true for a key that a set allows; for an empty key, where it allows any. */
export function isInSet(set: GrantSet, key: string): boolean {
  if (set === true) return true
  const { prefixes = [], keys = [] } = "length" in set ? { prefixes: set } : set
  if (key === "") return prefixes.length + keys.length > 0
  return prefixes.some((prefix) => key.startsWith(prefix)) || keys.includes(key)
}
