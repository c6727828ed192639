import type { Position } from "@headwater/core"
import { readStreamId } from "@headwater/protocol"
import type { Replica } from "../replica.ts"
import { ReplicaError } from "../replica-error.ts"
import { followable } from "./followable.ts"

/**
 * Waits until a replica holds everything up to a position, or the text of one: after a write, the
 * one that it answered. A position of another epoch is waited for until the replica next changes
 * epochs.
 *
 * @throws {ReplicaError} `ERR_POSITION_MALFORMED`: neither a position nor the text of one.
 * @throws {ReplicaError} `ERR_EPOCH_CHANGED`: it moved to an epoch that is not the position's;
 *   `ERR_CLOSED`: it is closed. Or the error of the hub's refusal.
 * @throws {TypeError} `connect` did not make the replica.
 */
export async function waitFor(
  replica: Replica,
  position: Position | string,
  signal?: AbortSignal,
): Promise<void> {
  const { epoch = "", revision = "" } = Object(position) as Partial<Position>
  const text = typeof position === "string" ? position : `${epoch}.${revision}`
  const goal = readStreamId(text)
  if (!goal) throw new ReplicaError(`${text} is not a position`, "ERR_POSITION_MALFORMED", "stop")
  let before: string | undefined
  await followable(replica, "waitFor").until(() => {
    const at = replica.position
    before ??= at?.epoch
    if (at?.epoch === goal.epoch) return at.revision >= goal.revision
    if (at?.epoch === before) return false
    throw new ReplicaError(
      `cannot reach ${text}: the replica moved to epoch ${at?.epoch}`,
      "ERR_EPOCH_CHANGED",
      "resync",
    )
  }, signal)
}
