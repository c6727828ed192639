import type { Revision } from "@headwater/core"
import type { Buffer, Cursor } from "@headwater/core/engine"

/**
 * Joins the end of a snapshot's list to the live trail, so that a reader finds every event that the
 * snapshot does not hold, and none that it does.
 *
 * The first live item after the snapshot is an error, or the first with events above `revision`,
 * beginning with the captured item *itself*: the state may have been read from a view a little
 * older than what was published last. When there is none yet, an empty item is appended to the live
 * trail to be the link, which every reader passes over.
 *
 * @param captured stands on what was the newest live item before the state was read. It is moved.
 * @param appendEmpty appends an empty item to the live trail.
 * Source: Consul `EventPublisher`, after its issue 10355 (CS-B18).
 */
export function splice(
  list: Buffer,
  captured: Cursor,
  revision: Revision,
  appendEmpty: () => void,
): void {
  while (!isAfter(captured, revision)) {
    if (captured.move()) continue
    appendEmpty()
    captured.move()
    break
  }
  list.splice(captured)
}

/** Returns whether the item is an error, or has events above `revision`. */
export function isAfter(cursor: Cursor, revision: Revision): boolean {
  const { kind } = cursor
  return kind === "error" || (kind === "events" && cursor.revision > revision)
}
