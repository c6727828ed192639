/**
 * Where a client stands with its hub.
 *
 *   idle        not started
 *   connecting  a request is under way, or answered without a `hello` so far
 *   snapshot    a snapshot or a catch-up is coming in; what was held before stays readable
 *   live        at least one `sync` on this stream: what is held is the hub's state at `position`
 *   waiting     backing off before the next request; what is held stays readable
 *   closed      for good: by its owner, or because the hub refused
 */
export type ClientState = "idle" | "connecting" | "snapshot" | "live" | "waiting" | "closed"

/**
 * What happens to a client.
 *
 *   begin    a request is made: the first, or the next when the back-off is over
 *   hello    the hub says what it will do
 *   reset    the hub begins a snapshot anew, perhaps in the middle of a stream
 *   sync     the hub says that everything up to here has been sent
 *   lost     the stream ended, failed, fell silent, or cannot be trusted any more
 *   close    its owner lets go, or the hub says not to come back
 */
export type ClientEvent = "begin" | "hello" | "reset" | "sync" | "lost" | "close"

/**
 * What becomes of each state at each event. Total: no case is left to the code around it.
 *
 * A row begins with every event as it mostly is: `close` closes, the others change nothing. What it
 * then names is what moves it on. A frame that comes out of turn is the assembly's to refuse, which
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
