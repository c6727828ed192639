import type { ComponentChildren } from "preact"
import { hubLink } from "../../hub/hub-state.ts"
import { hubUrl } from "../../hub/request.ts"
import type { TopicState } from "../../hub/topic-state.ts"
import { FollowedTopic } from "../../topic/followed-topic.ts"
import { openTopic } from "../../topic/open-topic.ts"
import { clockTime, count, counted } from "../../value/quantity.ts"
import { now } from "../clock.ts"
import { proofOf } from "./proof-mark.tsx"

/** The proof that the page holds what the hub holds, and the facts that it rests on. */
export function ProofTab({ state }: { readonly state: TopicState }) {
  const view = openTopic.value
  if (view === undefined) return null
  void view.version.value
  const { state: claim } = proofOf(view, now.value)
  return (
    <section class="card proof" aria-label="Proof" data-state={claim}>
      <Claim state={state} />
      {view instanceof FollowedTopic ? (
        <Facts view={view} state={state} />
      ) : (
        <PartFacts state={state} />
      )}
      <Meaning />
    </section>
  )
}

function Claim({ state }: { readonly state: TopicState }) {
  const view = openTopic.value
  const { state: claim, text } = proofOf(view, now.value)
  const entries = view instanceof FollowedTopic ? view.replica.size : 0
  const sentences = {
    proven: `The ${counted(entries, "entry", "entries")} on this page are the hub's, ${text}.`,
    lost: `The link to the hub is lost: its state may differ from this page by now (${text}).`,
    mismatch: `The page differed from the hub: ${text}.`,
    none:
      view instanceof FollowedTopic
        ? "The hub's first digest has not come yet."
        : `The page holds a part of ${state.topic}, which no digest covers.`,
  }
  return (
    <p class="claim" role="status">
      {sentences[claim]}
    </p>
  )
}

function Facts({ view, state }: { readonly view: FollowedTopic; readonly state: TopicState }) {
  const { replica, proof, mismatch } = view
  const { count: proofs = 0, lastAt = 0, position, mismatches = 0 } = proof.value ?? {}
  const polled = view.confirmation.value
  const [provenAt, revision] =
    polled && polled.at > lastAt ? [polled.at, polled.revision] : [lastAt, position?.revision]
  const isGone = hubLink.value.state === "gone"
  const isSame = replica.position?.revision === state.revision && replica.digest === state.digest
  return (
    <dl class="proof-facts">
      <Row name="Digest here">
        <code>{replica.digest}</code>
      </Row>
      <Row name="Digest at the hub">
        <code>{state.digest ?? "not shown to this token"}</code>
        <small class="note">
          {isGone ? "as of its last answer" : isSame && "the same, at the same revision"}
        </small>
      </Row>
      <Row name="Position">
        <code>
          {replica.position ? `${replica.position.epoch}.${replica.position.revision}` : "none yet"}
        </code>
      </Row>
      <Row name="Last proven">
        {proofs === 0 ? "not yet" : `${clockTime(provenAt)}, at revision ${count(revision)}`}
      </Row>
      <Row name="On the hub">{hubUrl.href}</Row>
      <Row name="Proofs so far">{count(proofs + (polled?.count ?? 0))}</Row>
      <Row name="Mismatches">
        {count(mismatches)} {mismatch.value && `(the last one ${mismatch.value})`}
      </Row>
    </dl>
  )
}

function PartFacts({ state }: { readonly state: TopicState }) {
  return (
    <dl class="proof-facts">
      <Row name="Digest at the hub">
        <code>{state.digest ?? "not shown to this token"}</code>
      </Row>
      <Row name="Position">
        <code>{state.position ?? "none yet"}</code>
      </Row>
      <Row name="On the hub">{hubUrl.href}</Row>
    </dl>
  )
}

interface RowProps {
  readonly name: string
  readonly children: ComponentChildren
}

function Row({ name, children }: RowProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Meaning() {
  return (
    <div class="meaning">
      <h2>What this proves</h2>
      <p>
        The digest is a sum over the key and revision of every entry. At each <code>sync</code>, at
        least every 30 s on a quiet stream, the hub sends its own, and the page asks for it every 2
        s. It compares it with that of its entries: if they agree, no entry is missing, stale or too
        many.
      </p>
      <h2>What a mismatch would do</h2>
      <p>
        The page would say so here and in its head, with both digests, and ask the hub once for a
        fresh snapshot, which replaces every entry in one step. A second mismatch within ten minutes
        is reported only, so that there is no loop. To find the keys that differ between two hubs,
        run <code>headwater verify</code>.
      </p>
    </div>
  )
}
