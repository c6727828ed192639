import { goneText } from "../hub/alerts.ts"
import { hubLink } from "../hub/hub-state.ts"
import { now } from "./clock.ts"
import { Icon } from "./icon.tsx"

/** The sentence that stands above everything while the hub does not answer. */
export function HubBanner() {
  const { state, since, lastAnswer } = hubLink.value
  if (state !== "gone") return null
  return (
    <div class="banner">
      <Icon name="alert" />
      <p>
        <strong role="alert">The hub is gone.</strong>{" "}
        <span>{goneText(since, lastAnswer, now.value)}</span>
      </p>
    </div>
  )
}
