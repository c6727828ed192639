import type { Position, StatusReport, Waiters } from "@headwater/core"
import type { Breadcrumb } from "../breadcrumb.ts"
import type { Location } from "./location.ts"

/** The part of a `SnapshotCache` that a follower in this process uses. */
export interface FollowedCache {
  readonly closed: boolean
  readonly current: Breadcrumb | undefined
  readonly position: Position | undefined
  readonly report: StatusReport
  readonly changes: Waiters
  locate(position: Position): Location
  lagMs(version: number): number
}
