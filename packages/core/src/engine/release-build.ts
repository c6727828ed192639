import type { EngineBuild } from "./abi.ts"
import { wasmBase64 } from "./wasm-bytes.ts"

/** The build that ships: optimised, without assertions. */
export const releaseBuild: EngineBuild = { name: "release", base64: wasmBase64 }
