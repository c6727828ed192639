/**
 * The debug build of the core, for tests: every assertion on, freed memory overwritten, and
 * `Trie.verify` does its work. Three times slower, and not in the bundle of who does not ask.
 *
 * @module
 */
import type { EngineBuild } from "./abi.ts"
import { wasmHex } from "./wasm-bytes-debug.ts"

/** The build with assertions: `createEngine({ build: debugBuild })`. */
export const debugBuild: EngineBuild = { name: "debug", hex: wasmHex }
