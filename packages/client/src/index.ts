/**
 * A live, proven replica of a Headwater topic, in a browser or on a server. It resumes from where
 * it was, moves from commit to commit in one step, and checks its entries against the hub's
 * digest.
 *
 * @example
 * import { connect } from "@headwater/client"
 * import { commitsOf } from "@headwater/client/follow"
 *
 * const replica = connect({ url: "http://127.0.0.1:8080", topic: "default" })
 * await replica.ready
 * for await (const { changes } of commitsOf(replica)) console.log(replica.size, changes)
 *
 * @module
 */
export type { ClientEvent, ClientState } from "./client-state.ts"
export { connect } from "./connect.ts"
export type { ConnectOptions, Report } from "./connect-options.ts"
export type { ClientClock, TokenSource } from "./link.ts"
export type {
  EntryChange,
  Proof,
  Replica,
  ReplicaCommit,
  ReplicaListener,
  ReplicaStatus,
} from "./replica.ts"
export { ReplicaError } from "./replica-error.ts"
export type { Mismatch } from "./replica-state.ts"
export type { ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"
