/**
 * Keeps a replica in a file, on Node, Bun and Deno.
 *
 * @example
 * import { stored } from "@headwater/client/store"
 * import { fileStorage } from "@headwater/client/store/file"
 *
 * const store = stored(fileStorage("./services.replica"))
 *
 * @module
 */
export { fileStorage } from "./file-storage.ts"
