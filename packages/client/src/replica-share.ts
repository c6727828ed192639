import { onAbort, type Position } from "@headwater/core"
import { callUser } from "./call-user.ts"
import type { ConnectOptions } from "./connect-options.ts"
import type { Link } from "./link.ts"
import type { ChangeHandler, LiveReplica } from "./live-replica.ts"
import type { Proof, Replica, ReplicaListener, ReplicaStatus } from "./replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { type ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"
import { wait } from "./wait.ts"

/**
 * The replica that `connect` returns: its owner's share of a live replica.
 *
 * It reads the state that all owners read, until it is closed: then it stays as it was, while the
 * others' move on. The last owner's end is the stream's. Closing copies references, O(size), where
 * other owners remain.
 *
 * Decision: docs/decisions/client.md, “`connect` shares one stream”.
 */
export class ReplicaShare<Value> implements Replica<Value> {
  readonly ready: Promise<void>
  /** The link, for code that writes through this replica. */
  readonly link: Link
  readonly #live: LiveReplica<Value>
  readonly #letGo: (() => void) | undefined
  readonly #handlers = new Set<ChangeHandler<Value>>()
  // The state to read: the live one, or, once this is closed, a copy of it as it was then.
  #of: Pick<LiveReplica<Value>, "snapshot" | "status" | "proven"> & {
    readonly state: Pick<LiveReplica<Value>["state"], "position" | "digest">
  }

  /** @param options `signal` closes this share alone. */
  constructor(
    live: LiveReplica<Value>,
    link: Link,
    { signal, report }: Pick<ConnectOptions, "signal" | "report">,
  ) {
    this.#live = this.#of = live
    this.link = link
    live.owners.add(this.#handlers)
    if (report) {
      live.isObserved = true
      this.handle((change) => change.report && callUser(report, change.report))
    }
    this.ready = this.until(() => !!this.position)
    // An owner that never looks at `ready` must not be ended by it.
    this.ready.catch(() => {})
    // oxlint-disable-next-line typescript/no-misused-promises -- closing never rejects
    this.#letGo = onAbort(signal, this.close)
  }

  get size(): number {
    return this.#of.snapshot.size
  }

  get position(): Position | undefined {
    return this.#of.state.position
  }

  get digest(): string {
    return this.#of.state.digest
  }

  get status(): ReplicaStatus {
    return this.#of.status
  }

  get proven(): Proof {
    return this.#of.proven
  }

  get(key: string): Value | undefined {
    return this.getEntry(key)?.value
  }

  getEntry(key: string): ReplicaEntry<Value> | undefined {
    return this.#of.snapshot.getEntry(key)
  }

  has(key: string): boolean {
    return !!this.getEntry(key)
  }

  entries(): IterableIterator<ReplicaEntry<Value>> {
    return this.#of.snapshot.entries()
  }

  readonly getSnapshot = (): ReplicaSnapshot<Value> => this.#of.snapshot

  readonly subscribe = (listener: ReplicaListener<Value>): (() => void) => {
    callUser(listener, this.#of.snapshot)
    return this.handle(({ commit }) => commit && callUser(listener, this.#of.snapshot, commit))
  }

  readonly subscribeStatus = (listener: () => void): (() => void) => {
    this.#live.isObserved = true
    return this.handle(({ isStatus }) => isStatus && callUser(listener))
  }

  readonly close = async (): Promise<void> => {
    const live = this.#live
    const { owners } = live
    if (owners.delete(this.#handlers)) {
      this.#letGo?.()
      const { snapshot, status, state } = live
      this.#of = {
        ...live,
        state: { ...state },
        snapshot: owners.size
          ? new ReplicaSnapshot(snapshot.position, new Map(state.entries))
          : snapshot,
        status: { ...status, state: "closed" },
      }
      for (const handler of [...this.#handlers]) handler({ isStatus: true })
    }
    if (owners.size) return
    live.closing.abort()
    await live.running
  }

  readonly [Symbol.asyncDispose] = this.close

  /** Calls a handler with each notification. Each is a function of its own. Returns its end. */
  handle(handler: ChangeHandler<Value>): () => void {
    this.#handlers.add(handler)
    return () => {
      this.#handlers.delete(handler)
    }
  }

  /** Waits for a condition. It counts before the end, and the end before the signal. */
  async until(isTrue: () => boolean, signal?: AbortSignal): Promise<void> {
    for (; !isTrue(); await this.move(signal)) {
      if (this.isOver()) throw new ReplicaError("the replica is closed", "ERR_CLOSED", "stop")
    }
  }

  /** Waits until the replica moves, or closes. The caller has looked before. */
  move(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    return wait((wake) => this.handle(wake), signal)
  }

  /** True once it is closed; throws when that was not its owner's will. */
  isOver(): boolean {
    const { state, error } = this.status
    if (state !== "closed") return false
    if (error && this.#of === this.#live) throw error
    return true
  }
}
