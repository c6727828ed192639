import type { Frame } from "@headwater/protocol"

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

/** The moves of each state. An event that is not named changes nothing; `close` always closes. */
export const MOVES: Readonly<
  Record<ClientState, Readonly<Partial<Record<ClientEvent, ClientState>>>>
> = {
  idle: { begin: "connecting" },
  connecting: { hello: "snapshot", lost: "waiting" },
  snapshot: { sync: "live", lost: "waiting" },
  live: { reset: "snapshot", lost: "waiting" },
  waiting: { begin: "connecting" },
  closed: {},
}

/**
 * Returns the state after an event. Total: no case is left to the code around it.
 *
 * `ReplicaState` refuses a frame that comes out of turn, which then makes the link `lost`.
 */
export function nextState(state: ClientState, event: ClientEvent | Frame["type"]): ClientState {
  return event === "close" ? "closed" : (MOVES[state][event as ClientEvent] ?? state)
}
