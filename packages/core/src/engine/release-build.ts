import type { EngineBuild } from "./abi.ts"
import { wasmHex } from "./wasm-bytes.ts"

/** The build that ships: optimised, without assertions. */
export const releaseBuild: EngineBuild = { name: "release", hex: wasmHex }
