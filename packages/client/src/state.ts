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
 *   start    its owner wants it to run
 *   hello    the hub says what it will do
 *   reset    the hub begins a snapshot anew, perhaps in the middle of a stream
 *   sync     the hub says that everything up to here has been sent
 *   lost     the stream ended, failed, fell silent, or cannot be trusted any more
 *   due      the back-off is over
 *   refused  the hub says not to come back
 *   close    its owner lets go
 */
export type ClientEvent =
  | "start"
  | "hello"
  | "reset"
  | "sync"
  | "lost"
  | "due"
  | "refused"
  | "close"

/**
 * What becomes of each state at each event. Total: no case is left to the code around it.
 *
 * Where a cell repeats its row's name, the event changes nothing. A frame that comes out of turn is
 * the assembly's to refuse, which then makes it `lost`.
 */
export const TRANSITIONS: Readonly<
  Record<ClientState, Readonly<Record<ClientEvent, ClientState>>>
> = {
  idle: {
    start: "connecting",
    hello: "idle",
    reset: "idle",
    sync: "idle",
    lost: "idle",
    due: "idle",
    refused: "closed",
    close: "closed",
  },
  connecting: {
    start: "connecting",
    hello: "snapshot",
    reset: "connecting",
    sync: "connecting",
    lost: "waiting",
    due: "connecting",
    refused: "closed",
    close: "closed",
  },
  snapshot: {
    start: "snapshot",
    hello: "snapshot",
    reset: "snapshot",
    sync: "live",
    lost: "waiting",
    due: "snapshot",
    refused: "closed",
    close: "closed",
  },
  live: {
    start: "live",
    hello: "live",
    reset: "snapshot",
    sync: "live",
    lost: "waiting",
    due: "live",
    refused: "closed",
    close: "closed",
  },
  waiting: {
    start: "waiting",
    hello: "waiting",
    reset: "waiting",
    sync: "waiting",
    lost: "waiting",
    due: "connecting",
    refused: "closed",
    close: "closed",
  },
  closed: {
    start: "closed",
    hello: "closed",
    reset: "closed",
    sync: "closed",
    lost: "closed",
    due: "closed",
    refused: "closed",
    close: "closed",
  },
}
