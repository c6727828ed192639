import type { KeyedMap } from "./keyed-map.ts"

/** Makes an empty map. */
export type MakeMap = () => KeyedMap

/** Every map that is compared. Imported one at a time, so that a process is that of one subject. */
export const keyedMaps: Readonly<Record<string, () => Promise<MakeMap>>> = {
  headwater: async () => (await import("./headwater.ts")).headwater,
  map: async () => (await import("./native-map.ts")).nativeMap,
  immutable: async () => (await import("./immutable.ts")).immutable,
  nkzw: async () => (await import("./nkzw.ts")).nkzw,
  hamt_plus: async () => (await import("./hamt-plus.ts")).hamtPlus,
  mori: async () => (await import("./mori.ts")).moriMap,
}

/** Loads the maker of a subject's map. Rejects for a name that is not there. */
export async function loadKeyedMap(name: string): Promise<MakeMap> {
  const load = keyedMaps[name]
  if (load === undefined) throw new Error(`there is no subject ${name}`)
  return await load()
}
