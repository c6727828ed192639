import { hubLink } from "../../hub/hub-state.ts"
import { FollowedTopic } from "../../topic/followed-topic.ts"
import type { TopicView } from "../../topic/topic-view.ts"
import { duration } from "../../value/quantity.ts"
import { now } from "../clock.ts"
import { Icon } from "../icon.tsx"

/** The claim that the entries shown are the hub's, in a few words. */
export function ProofMark({ view }: { readonly view: TopicView | undefined }) {
  const { state, text } = proofOf(view, now.value)
  return (
    <span class="proof-mark" data-state={state}>
      {state === "proven" && <Icon name="check" />}
      {state === "mismatch" && <Icon name="alert" />}
      {text}
    </span>
  )
}

/** Returns the claim: `proven` only while the page follows the hub, and the digests agree. */
export function proofOf(view: TopicView | undefined, at: number) {
  if (view === undefined) return { state: "none", text: "" } as const
  if (!(view instanceof FollowedTopic)) {
    return { state: "none", text: "a part, not proven" } as const
  }
  const { proof, status, confirmation } = view
  const { count = 0, mismatches = 0 } = proof.value ?? {}
  const lastAt = Math.max(proof.value?.lastAt ?? 0, confirmation.value?.at ?? 0)
  if (mismatches > 0) return { state: "mismatch", text: `${mismatches} mismatches` } as const
  if (count === 0) return { state: "none", text: "not proven yet" } as const
  const age = duration(Math.max(0, at - lastAt))
  const isLive = status.value?.state === "live" && hubLink.value.state !== "gone"
  if (!isLive) return { state: "lost", text: `last proven ${age} ago` } as const
  return { state: "proven", text: `proven ${age} ago` } as const
}
