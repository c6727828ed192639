/**
 * The build that ships, for Cloudflare's `workerd`, which forbids compiling bytes: there an import
 * of a `.wasm` file is a compiled module. Chosen by the `workerd` condition of package.json.
 *
 * @module
 */
import type { EngineBuild } from "./abi.ts"
// @ts-expect-error: only this host gives such an import a meaning.
import release from "./release.wasm"

/** The build that ships: optimised, without assertions. */
export const releaseBuild: EngineBuild = { name: "release", module: release }
