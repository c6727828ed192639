// Node and Deno have it with `--expose-gc`, which the benchmarks start them with.
declare const gc: (() => void) | undefined
declare const Bun: { gc(force: boolean): void } | undefined

/** Collects all garbage; false where the runtime has no such call. Synchronous. */
export function collectGarbage(): boolean {
  if (typeof Bun !== "undefined") Bun.gc(true)
  else if (typeof gc !== "undefined") gc()
  else return false
  return true
}

/** The arguments by which a runtime lets us collect its garbage. */
export function garbageArguments(runtime: string): readonly string[] {
  if (runtime === "bun") return []
  return runtime === "deno" ? ["--v8-flags=--expose-gc"] : ["--expose-gc"]
}
