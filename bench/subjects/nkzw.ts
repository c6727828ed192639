import ImmutableMap from "@nkzw/immutable-map"
import type { Held, KeyedMap } from "./keyed-map.ts"
import { PersistentMap } from "./persistent-map.ts"

/** `@nkzw/immutable-map`, the map of immutable alone. */
export function nkzw(): KeyedMap {
  return new PersistentMap<ImmutableMap<string, Held>>({
    empty: ImmutableMap<string, Held>(),
    size: (root) => root.size,
    get: (root, key) => root.get(key),
    set: (root, key, held) => root.set(key, held),
    remove: (root, key) => root.delete(key),
    setMany: (root, from, to, at) =>
      root.withMutations((open) => {
        for (let index = from; index < to; index++) open.set(...at(index))
      }),
    each(root, visit) {
      root.forEach((held, key) => {
        visit(key, held)
      })
    },
  })
}
