import { computed, effect, signal } from "@preact/signals"
import { hubLink, topics } from "./hub-state.ts"
import { RequestFailure, requestJson } from "./request.ts"
import { token } from "./session.ts"

/** The keys that a grant allows: all, none, or those of some prefixes and keys. */
export type AllowedKeys =
  | boolean
  | { readonly prefixes: readonly string[]; readonly keys: readonly string[] }

/** The answer of `GET /v1/access`: a topic without a grant is not named. */
interface AccessBody {
  readonly identity: string | null
  readonly topics: Readonly<
    Record<string, { readonly read: AllowedKeys; readonly write: AllowedKeys }>
  >
  readonly admin: boolean
  readonly expires: string | null
}

/** The rights of the page's user; undefined where the hub has no `/v1/access`. */
export const access = signal<AccessBody | undefined>(undefined)

/** Asks for the rights again whenever the token changes or the hub comes back. */
export function followAccess(): void {
  const isOnline = computed(() => hubLink.value.state === "online")
  effect(() => {
    if (!isOnline.value || token.value === undefined) return
    requestJson<AccessBody>("v1/access", { isOptional: true })
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
  const allowed = access.value?.topics[topic]?.write
  return access.value === undefined || (allowed !== undefined && allows(allowed, key))
}

/** Returns true for a key that a grant allows; for an empty key, where it allows any. */
export function allows(allowed: AllowedKeys, key: string): boolean {
  if (typeof allowed === "boolean") return allowed
  const { prefixes, keys } = allowed
  if (key === "") return prefixes.length + keys.length > 0
  return prefixes.some((prefix) => key.startsWith(prefix)) || keys.includes(key)
}
