import { clockSkewMs, hubLink } from "../hub/hub-state.ts"
import type { TopicState } from "../hub/topic-state.ts"
import { duration } from "../value/quantity.ts"
import { now } from "./clock.ts"

/** The hub's link to the source of a topic; while the hub is gone, the last that it reported. */
export function StatusChip({ status }: Pick<TopicState, "status">) {
  const isGone = hubLink.value.state === "gone"
  return (
    <span class="chip" data-status={isGone ? "unknown" : status}>
      <span class="dot" aria-hidden="true" />
      {isGone ? `unknown; last ${status}` : status}
    </span>
  )
}

/** The time since the hub last heard from the source of a topic. */
export function SourceAge({ lastContact }: Pick<TopicState, "lastContact">) {
  if (lastContact === null) return <>never</>
  return <>{duration(Math.max(0, now.value + clockSkewMs.value - Date.parse(lastContact)))}</>
}
