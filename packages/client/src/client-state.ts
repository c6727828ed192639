/**
 * The state of a client's link to its hub.
 *
 *   idle        not started
 *   connecting  a request is under way, or answered without a `hello` so far
 *   snapshot    a snapshot or a catch-up is coming in; the entries before it stay readable
 *   live        at least one `sync` on this stream: the entries are the hub's state at `position`
 *   waiting     backing off before the next request; the entries stay readable
 *   closed      for good: by its owner, or because the hub refused
 */
export type ClientState = "idle" | "connecting" | "snapshot" | "live" | "waiting" | "closed"

/**
 * An event of the link.
 *
 *   begin    a request is made: the first, or the next when the back-off is over
 *   hello    the hub describes the stream
 *   reset    the hub begins a snapshot anew, perhaps in the middle of a stream
 *   sync     the hub has sent everything up to here
 *   lost     the stream ended, failed, fell silent, or cannot be trusted any more
 *   close    its owner lets go, or the hub refuses for good
 */
export type ClientEvent = "begin" | "hello" | "reset" | "sync" | "lost" | "close"

/**
 * The next state for each state and event. Total: no case is left to the code around it.
 *
 * A row begins with the default for every event: `close` closes, the others change nothing. The row
 * then names its exceptions. `ReplicaState` refuses a frame that comes out of turn, which
 * then makes it `lost`.
 */
export const TRANSITIONS: Readonly<
  Record<ClientState, Readonly<Record<ClientEvent, ClientState>>>
> = {
  idle: stay("idle", { begin: "connecting" }),
  connecting: stay("connecting", { hello: "snapshot", lost: "waiting" }),
  snapshot: stay("snapshot", { sync: "live", lost: "waiting" }),
  live: stay("live", { reset: "snapshot", lost: "waiting" }),
  waiting: stay("waiting", { begin: "connecting" }),
  closed: stay("closed"),
}

function stay(
  state: ClientState,
  moves?: Partial<Record<ClientEvent, ClientState>>,
): Record<ClientEvent, ClientState> {
  return {
    begin: state,
    hello: state,
    reset: state,
    sync: state,
    lost: state,
    close: "closed",
    ...moves,
  }
}
