import type { Revision, ViewFrame } from "@headwater/core"

/**
 * The phase of a subscription.
 *
 *   snapshot  a snapshot comes in; nothing of it is visible yet
 *   resume    a position was given, and no frame came yet: it goes on there, or begins anew
 *   stream    commits come in
 */
export type FeedPhase = "snapshot" | "resume" | "stream"

/** The state of a subscription. A value: a step makes a new one. */
export interface FeedState<Payload> {
  readonly phase: FeedPhase
  /** The parts of the snapshot that came, the last one first. */
  readonly staged: Staged<Payload> | undefined
}

interface Staged<Payload> {
  readonly events: readonly Payload[]
  readonly before: Staged<Payload> | undefined
}

/**
 * An effect of a frame.
 *
 *   replace  these events are the whole state at this revision
 *   apply    these events are one commit more
 *   alive    nothing changed; the subscription works
 */
export type FeedEffect<Payload> =
  | {
      readonly type: "replace" | "apply"
      readonly events: readonly Payload[]
      readonly revision: Revision
    }
  | { readonly type: "alive" }

type FeedOutcome<Payload> = readonly [FeedState<Payload>, FeedEffect<Payload> | undefined]

type FrameOf<Payload> = {
  [T in ViewFrame<Payload>["type"]]: Extract<ViewFrame<Payload>, { type: T }>
}

type FeedCell<T extends ViewFrame<unknown>["type"]> = <Payload>(
  state: FeedState<Payload>,
  frame: FrameOf<Payload>[T],
) => FeedOutcome<Payload>

type FeedRow = { readonly [T in ViewFrame<unknown>["type"]]: FeedCell<T> }

/** The state of a new subscription. @param resumes a position was given. */
export function newFeed(resumes: boolean): FeedState<never> {
  return { phase: resumes ? "resume" : "snapshot", staged: undefined }
}

/** Returns the state and the effect after a frame. Pure. Source: Consul `submatview.handlers`. */
export function applyFrame<Payload>(
  state: FeedState<Payload>,
  frame: ViewFrame<Payload>,
): FeedOutcome<Payload> {
  return TABLE[state.phase][frame.type](state, frame as never)
}

const begin: FeedCell<"reset"> = () => [newFeed(false), undefined]

const apply: FeedCell<"events"> = (_state, { events, revision }) => [
  { phase: "stream", staged: undefined },
  { type: "apply", events, revision },
]

const alive: FeedCell<"sync"> = () => [{ phase: "stream", staged: undefined }, { type: "alive" }]

const TABLE: { readonly [P in FeedPhase]: FeedRow } = {
  snapshot: {
    reset: begin,
    events: (state, { events }) => [
      { ...state, staged: { events, before: state.staged } },
      undefined,
    ],
    sync: (state, { revision }) => [
      { phase: "stream", staged: undefined },
      { type: "replace", events: flatten(state.staged), revision },
    ],
  },
  resume: { reset: begin, events: apply, sync: alive },
  stream: { reset: begin, events: apply, sync: alive },
}

function flatten<Payload>(staged: Staged<Payload> | undefined): Payload[] {
  const parts: (readonly Payload[])[] = []
  for (let at = staged; at; at = at.before) parts.push(at.events)
  return parts.reverse().flat()
}
