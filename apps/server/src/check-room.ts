import type { SnapshotCache } from "@headwater/cache"
import { type Change, MemoryFullError } from "@headwater/core"

/** Bytes of an entry beside its key and value: a leaf, a node above it, and an unused rest. */
const ENTRY_BYTES = 256

/** Pages that the core keeps for deletes and walks, and one commit on its way; 64 KiB each. */
const RESERVED_BYTES = 24 * 65_536

/**
 * Refuses puts that the memory of a topic could not hold, before its source gets them: a source
 * would keep them, and the topic would be stale until some are deleted. Deletes always pass.
 *
 * @throws {MemoryFullError} there is no room.
 */
export function checkRoom({ current, report }: SnapshotCache, changes: readonly Change[]): void {
  let bytes = 0
  for (const change of changes) {
    if (change.op === "put") bytes += 3 * change.key.length + change.value.length + ENTRY_BYTES
  }
  if (bytes === 0 || current === undefined) return
  const { bytesFree, bytesLive, bytesMax, bytesReserved } = current.epochState.engine.stats()
  const left = bytesMax - bytesReserved + bytesFree
  const kept = Math.max(RESERVED_BYTES, bytesMax / 32)
  if (report.code === "ERR_MEMORY_FULL" || left < bytes + kept) {
    throw new MemoryFullError(bytesLive, bytesMax)
  }
}
