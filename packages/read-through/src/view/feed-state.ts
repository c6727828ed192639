import type { Revision, ViewFrame } from "@headwater/core"

/**
 * Where a subscription stands.
 *
 *   snapshot  a snapshot comes in; nothing of it is to be seen yet
 *   resume    a position was given, and nothing was heard: it may be gone on with, or begin anew
 *   stream    commits come in
 */
export type FeedPhase = "snapshot" | "resume" | "stream"

/** A subscription so far. A value: a step makes a new one. */
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
 * What a frame brings about.
 *
 *   replace  these events are the whole state at this revision
 *   apply    these events are one commit more
 *   sign     nothing changed; the subscription works
 */
export type FeedEffect<Payload> =
  | {
      readonly type: "replace" | "apply"
      readonly events: readonly Payload[]
      readonly revision: Revision
    }
  | { readonly type: "sign" }

type Outcome<Payload> = readonly [FeedState<Payload>, FeedEffect<Payload> | undefined]

type Frames<Payload> = {
  [T in ViewFrame<Payload>["type"]]: Extract<ViewFrame<Payload>, { type: T }>
}

type Cell<T extends ViewFrame<unknown>["type"]> = <Payload>(
  state: FeedState<Payload>,
  frame: Frames<Payload>[T],
) => Outcome<Payload>

type Row = { readonly [T in ViewFrame<unknown>["type"]]: Cell<T> }

/** A new subscription. @param resumes whether a position was given. */
export function newFeed(resumes: boolean): FeedState<never> {
  return { phase: resumes ? "resume" : "snapshot", staged: undefined }
}

/** What becomes of a subscription by a frame. Pure. Source: Consul `submatview.handlers`. */
export function hear<Payload>(
  state: FeedState<Payload>,
  frame: ViewFrame<Payload>,
): Outcome<Payload> {
  return TABLE[state.phase][frame.type](state, frame as never)
}

const begin: Cell<"reset"> = () => [newFeed(false), undefined]

const apply: Cell<"events"> = (_state, { events, revision }) => [
  { phase: "stream", staged: undefined },
  { type: "apply", events, revision },
]

const sign: Cell<"sync"> = () => [{ phase: "stream", staged: undefined }, { type: "sign" }]

const TABLE: { readonly [P in FeedPhase]: Row } = {
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
  resume: { reset: begin, events: apply, sync: sign },
  stream: { reset: begin, events: apply, sync: sign },
}

function flatten<Payload>(staged: Staged<Payload> | undefined): Payload[] {
  const parts: (readonly Payload[])[] = []
  for (let at = staged; at; at = at.before) parts.push(at.events)
  return parts.reverse().flat()
}
