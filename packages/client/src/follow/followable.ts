import type { Replica } from "../replica.ts"
import type { ReplicaShare } from "../replica-share.ts"

/** The part of a share that follows it, for the code of this package. */
export type Followable<Value = unknown> = Pick<
  ReplicaShare<Value>,
  "handle" | "until" | "move" | "isOver"
>

/** The same replica, as the code of this package sees it. @throws {TypeError} see `caller`. */
export function followable<Value>(replica: Replica<Value>, caller: string): Followable<Value> {
  const share = (replica ?? {}) as Replica<Value> & Partial<Followable<Value>>
  if (!share.until) throw new TypeError(`${caller}: pass a replica that connect() made`)
  return share as Replica<Value> & Followable<Value>
}
