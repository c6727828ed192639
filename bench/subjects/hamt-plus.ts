import hamt, { type HamtMap } from "hamt_plus"
import type { Held, KeyedMap } from "./keyed-map.ts"
import { PersistentMap } from "./persistent-map.ts"

/** `hamt_plus`, the quickest small one. */
export function hamtPlus(): KeyedMap {
  return new PersistentMap<HamtMap<Held>>({
    empty: hamt.empty as HamtMap<Held>,
    size: (root) => root.size,
    get: (root, key) => root.get(key),
    set: (root, key, held) => root.set(key, held),
    remove: (root, key) => root.remove(key),
    setMany(root, from, to, at) {
      const open = root.beginMutation()
      for (let index = from; index < to; index++) open.set(...at(index))
      return open.endMutation()
    },
    each(root, visit) {
      for (const [key, held] of root.entries()) visit(key, held)
    },
  })
}
