/**
 * The place of a tab among those of its origin.
 *
 *   seeking     no leader is known; in the queue for the lock
 *   following   another tab holds the streams; in the queue for the lock
 *   suspecting  the same, but the leader fell silent and is asked whether it lives
 *   leading     this tab holds the lock, and the streams
 *   closed      for good
 */
export type ElectionPhase = "seeking" | "following" | "suspecting" | "leading" | "closed"

/** The state of a tab in the election. */
export interface ElectionState {
  readonly self: string
  readonly phase: ElectionPhase
  /** The tab that holds the streams, this one included. */
  readonly leader: string | undefined
}

/**
 * An event of the election.
 *
 *   begin     the tab takes part
 *   granted   the lock is this tab's
 *   stolen    another tab took the lock, as this one was silent: it was frozen, perhaps
 *   heard     a tab says that it leads
 *   asked     a tab asks which one leads
 *   silent    a stream of the leader fell silent
 *   alive     the leader answered
 *   dead      the leader did not answer in time
 *   waited    the time has passed in which a leader, or a tab that was faster, would have answered
 *   close     the tab lets go
 */
export type ElectionEvent =
  | { readonly type: "begin" | "granted" | "stolen" | "asked" | "silent" | "waited" | "close" }
  | { readonly type: "heard" | "alive" | "dead"; readonly leader: string }

/**
 * An effect that the caller acts out, in order.
 *
 *   queue     wait for the lock; `steal` takes it from a holder that is dead or frozen
 *   ask       ask all tabs which one leads
 *   draw      a random time to wait, so that one tab of many steals
 *   wait      the same, after the time for an answer
 *   announce  tell all tabs that this one leads
 *   host      hold the streams of all tabs; `unhost` ends that
 *   join      open this tab's streams at the leader; `leave` ends those at the one before
 *   ping      ask the leader whether it lives
 *   release   give the lock back, or leave its queue
 */
export type ElectionEffect =
  | "queue"
  | "steal"
  | "ask"
  | "draw"
  | "wait"
  | "announce"
  | "host"
  | "unhost"
  | "join"
  | "leave"
  | "ping"
  | "release"

/** The next state, and what to do. */
export interface ElectionMove {
  readonly state: ElectionState
  readonly effects: readonly ElectionEffect[]
}

/** A tab that has not begun. */
export function newElection(self: string): ElectionState {
  return { self, phase: "seeking", leader: undefined }
}

/**
 * Decides what a tab does next. Total: an event that means nothing in a phase changes nothing.
 *
 * A tab that hears of no leader steals: the lock may be with a tab that is frozen.
 *
 * The lock alone makes a leader, and a browser gives it to one tab at a time. A tab that thaws may
 * believe for a moment that it leads; nothing that it says matters then, because each tab has a
 * channel of its own with the leader that it joined, and joins the one that it heard of last.
 */
export function elect(state: ElectionState, event: ElectionEvent): ElectionMove {
  const { self, phase, leader } = state
  const stay = { state, effects: [] }
  if (phase === "closed") return stay
  const to = (
    phase: ElectionPhase,
    leader: string | undefined,
    ...effects: ElectionEffect[]
  ): ElectionMove => ({ state: { self, phase, leader }, effects })
  const leave: ElectionEffect[] = leader === undefined ? [] : ["leave"]
  switch (event.type) {
    case "begin":
      return to("seeking", undefined, "queue", "ask", "wait")
    case "granted":
      if (phase === "leading") return stay
      return to("leading", self, ...leave, "host", "announce", "join")
    case "stolen":
      if (phase !== "leading") return to(phase, leader, "queue")
      return to("seeking", undefined, "leave", "unhost", "queue", "ask", "wait")
    case "asked":
      return phase === "leading" ? { state, effects: ["announce"] } : stay
    case "heard":
      return hear(state, event.leader, to, leave)
    case "silent":
      return phase === "following" ? to("suspecting", leader, "ping") : stay
    case "alive":
      if (phase !== "suspecting" || event.leader !== leader) return stay
      return to("following", leader)
    case "dead":
      if (phase !== "suspecting" || event.leader !== leader) return stay
      return to("seeking", undefined, "leave", "ask", "draw")
    case "waited":
      return phase === "seeking" ? { state, effects: ["steal"] } : stay
    case "close":
      if (phase !== "leading") return to("closed", undefined, ...leave, "release")
      return to("closed", undefined, "leave", "unhost", "release")
  }
}

function hear(
  state: ElectionState,
  heard: string,
  to: (
    phase: ElectionPhase,
    leader: string | undefined,
    ...effects: ElectionEffect[]
  ) => ElectionMove,
  leave: readonly ElectionEffect[],
): ElectionMove {
  const { self, phase, leader } = state
  // Its own words, or, of a tab that holds the lock, another's of before.
  if (heard === self || phase === "leading") return { state, effects: [] }
  if (heard === leader) return to("following", leader)
  return to("following", heard, ...leave, "join")
}
