import type { Position } from "@headwater/core"
import type { ConnectOptions } from "./connect-options.ts"
import { changesOf } from "./entry-changes.ts"
import type { Link } from "./link.ts"
import { callAll, type Follower, type LiveReplica } from "./live-replica.ts"
import type { Proof, Replica, ReplicaCommit, ReplicaListener, ReplicaStatus } from "./replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { type ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"
import { onAbort, wait } from "./wait.ts"

/**
 * The replica that `connect` returns: its owner's share of what a stream brings.
 *
 * It reads what all owners read, until it is closed: then it stays as it was, while the others'
 * move on. The last one's end is the stream's. Closing copies references, O(size), where others
 * remain.
 */
export class ReplicaShare<Value> implements Replica<Value> {
  readonly ready: Promise<void>
  /** For who writes through it. */
  readonly link: Link
  readonly #live: LiveReplica<Value>
  readonly #letGo: (() => void) | undefined
  readonly #followers = new Set<Follower<Value>>()
  // What is read: what the stream brings, or what that was when this was closed.
  #of: Pick<LiveReplica<Value>, "snapshot" | "position" | "digest" | "status" | "proven">

  /** @param options `signal` closes this share alone. */
  constructor(
    live: LiveReplica<Value>,
    link: Link,
    { signal, report }: Pick<ConnectOptions, "signal" | "report">,
  ) {
    this.#live = this.#of = live
    this.link = link
    live.owners.add(this.#followers)
    this.#follow((news) => news.report && report?.(news.report))
    this.ready = this.#until(() => !!this.position)
    // Who never looks at `ready` must not be ended by it.
    this.ready.catch(() => {})
    this.#letGo = onAbort(signal, () => {
      this.close().catch(() => {})
    })
  }

  get size(): number {
    return this.#of.snapshot.size
  }

  get position(): Position | undefined {
    return this.#of.position
  }

  get digest(): string {
    return this.#of.digest
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
    listener(this.#of.snapshot)
    return this.#follow(({ commit }) => commit && listener(this.#of.snapshot, commit))
  }

  readonly subscribeStatus = (listener: () => void): (() => void) =>
    this.#follow(({ isStatus }) => isStatus && listener())

  async *changes(signal?: AbortSignal): AsyncGenerator<ReplicaCommit<Value>, void, undefined> {
    // What its reader last saw under each key that changed since.
    const unseen = new Map<string, ReplicaEntry<Value> | undefined>()
    let unfollow: (() => void) | undefined
    try {
      for (;;) {
        const isFirst = !unfollow && this.position
        if (isFirst) {
          // To one who has seen nothing, everything that is held has just come.
          for (const { key } of this.entries()) unseen.set(key, undefined)
          // What came and went since is forgotten, so that this holds no more keys than the reader
          // saw and the replica holds.
          unfollow = this.#follow(({ replaced = [] }) => {
            for (const [key, previous] of replaced) {
              if (!unseen.has(key)) unseen.set(key, previous)
              else if (!unseen.get(key) && !this.has(key)) unseen.delete(key)
            }
          })
        }
        const changes = changesOf(unseen, this)
        unseen.clear()
        if (isFirst || changes.length > 0) yield { position: this.position!, changes }
        else if (this.#isOver()) return
        else await this.#move(signal)
      }
    } finally {
      unfollow?.()
    }
  }

  waitFor({ epoch, revision }: Position, signal?: AbortSignal): Promise<void> {
    let before: string | undefined
    return this.#until(() => {
      const at = this.position
      before ??= at?.epoch
      if (at?.epoch === epoch) return at.revision >= revision
      if (at?.epoch === before) return false
      throw new ReplicaError("ERR_EPOCH_CHANGED", "resync")
    }, signal)
  }

  readonly close = async (): Promise<void> => {
    const live = this.#live
    const { owners } = live
    if (owners.delete(this.#followers)) {
      this.#letGo?.()
      this.#of = {
        ...live,
        snapshot: owners.size
          ? new ReplicaSnapshot(live.snapshot.position, new Map(live.held))
          : live.snapshot,
        status: { ...live.status, state: "closed" },
      }
      callAll(this.#followers, { isStatus: true })
    }
    if (owners.size) return
    live.closing.abort()
    await live.running
  }

  readonly [Symbol.asyncDispose] = this.close

  // Wraps the follower, so that one function that follows twice does so twice.
  #follow(follower: (...args: Parameters<Follower<Value>>) => unknown): () => void {
    const own: Follower<Value> = (news) => {
      follower(news)
    }
    this.#followers.add(own)
    return () => {
      this.#followers.delete(own)
    }
  }

  // Waits until something is so: what is there counts before the end, and that before the signal.
  async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    for (; !isSo(); await this.#move(signal)) {
      if (this.#isOver()) throw new ReplicaError("ERR_CLOSED", "stop")
    }
  }

  // Waits until the replica moves, or closes. Who calls has looked whether it did.
  #move(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    return wait((wake) => this.#follow(wake), signal)
  }

  // Tells whether it is closed; throws when that was not its owner's will.
  #isOver(): boolean {
    const { state, error } = this.status
    if (state !== "closed") return false
    if (error && this.#of === this.#live) throw error
    return true
  }
}
