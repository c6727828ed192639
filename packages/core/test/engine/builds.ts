import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine, type EngineOptions } from "@headwater/core/engine"

/** Both builds, for `describe.each`. */
export const builds = ["debug", "release"] as const
export type BuildName = (typeof builds)[number]

/** An engine of a build. The seed is fixed, so that a failure can be played again. */
export function engineOf(build: BuildName, options: EngineOptions = {}): Engine {
  const base: EngineOptions = { seed: [0x5eed, 0xbeef], ...options }
  return createEngine(build === "debug" ? { ...base, build: debugBuild } : base)
}

/** Reclaims until nothing is left to do, a few blocks at a time. */
export function reclaimAll(engine: Engine): void {
  while (!engine.trie().reclaim(7));
}

/** Takes every tombstone out. */
export function sweepAll(engine: Engine): void {
  const trie = engine.trie()
  while (!trie.sweep(trie.version, { bytesMax: Number.MAX_VALUE, entriesMax: 3 }));
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
export const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : new TextDecoder().decode(value)
