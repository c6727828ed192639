import mori, { type MoriMap } from "mori"
import type { Held, KeyedMap } from "./keyed-map.ts"
import { PersistentMap } from "./persistent-map.ts"

/** `mori`, the maps of ClojureScript. */
export function moriMap(): KeyedMap {
  return new PersistentMap<MoriMap<Held>>({
    empty: mori.hashMap<Held>(),
    size: (root) => mori.count(root),
    get: (root, key) => mori.get(root, key) ?? undefined,
    set: (root, key, held) => mori.assoc(root, key, held),
    remove: (root, key) => mori.dissoc(root, key),
    setMany(root, from, to, at) {
      let open = mori.mutable.thaw(root)
      for (let index = from; index < to; index++) open = mori.mutable.assoc(open, ...at(index))
      return mori.mutable.freeze(open)
    },
    each(root, visit) {
      mori.reduceKV(
        (state: null, key: string, held: Held) => {
          visit(key, held)
          return state
        },
        null,
        root,
      )
    },
  })
}
