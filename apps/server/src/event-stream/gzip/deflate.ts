/**
 * Compression and checksums for streams in gzip, by `node:zlib`, which is the same on all three
 * runtimes.
 *
 * @module
 */
import { constants, deflateRawSync } from "node:zlib"

export { crc32 } from "node:zlib"

/** Higher levels save 5 % of bytes for twice the time; below it, Bun and Deno lose a third. */
const LEVEL = 3

const OPTIONS = { level: LEVEL, finishFlush: constants.Z_FULL_FLUSH }

/**
 * Deflates bytes into blocks that end with a byte, refer to nothing before them, and are not the
 * last: so they can follow any others. 64 KiB of JSON take 0.3 ms.
 */
export function deflate(bytes: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, OPTIONS)
}
