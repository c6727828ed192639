import type { Position } from "@headwater/core"
import type { ConnectOptions, Report } from "./client.ts"
import type { Link } from "./link.ts"
import { callAll } from "./live-replica.ts"
import type { Proof, Replica, ReplicaCommit, ReplicaListener, ReplicaStatus } from "./replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { type ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"
import { onAbort } from "./wait.ts"

/** A replica with several owners. */
export interface SharedReplica<Value = unknown> {
  /** What decides whether two who ask can share it. */
  readonly wants: readonly unknown[]
  readonly replica: Replica<Value> & { readonly link?: Link | undefined }
  /** Those who have not closed it. */
  readonly owners: Set<ReplicaShare<Value>>
  /** Whoever asks for the same from now on gets another one. */
  forget(): void
}

// What is read of a replica.
type Readable<Value> = Pick<Replica<Value>, "position" | "digest" | "status" | "proven"> & {
  getSnapshot(): ReplicaSnapshot<Value>
}

/**
 * One owner's share of a replica. It reads what all of them read, until its owner closes it: then
 * it stays as it was, while the others' move on.
 *
 * Cost: one call more than the replica alone; closing copies references, O(size), where others
 * remain. Whatever was listened to through it ends with it.
 */
export class ReplicaShare<Value> implements Replica<Value> {
  readonly ready: Promise<void>
  readonly link: Link | undefined
  readonly #shared: SharedReplica<Value>
  #of: Readable<Value>
  readonly #report: ConnectOptions["report"]
  readonly #closing = new AbortController()
  readonly #statusListeners = new Set<() => void>()
  // What ends with it.
  readonly #ends = new Set<() => void>()

  /** @param options `signal` closes this share alone, and `report` hears of what all share. */
  constructor(shared: SharedReplica<Value>, options: Pick<ConnectOptions, "signal" | "report">) {
    this.#shared = shared
    this.#of = shared.replica
    this.#report = options.report
    this.link = shared.replica.link
    shared.owners.add(this)
    this.ready = this.#whileOpen(() => shared.replica.ready)
    // Who never looks at `ready` must not be ended by it.
    this.ready.catch(() => {})
    const { signal } = options
    if (signal) this.#ends.add(onAbort(signal, () => void this.close()))
  }

  get size(): number {
    return this.#of.getSnapshot().size
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
    return this.#of.getSnapshot().getEntry(key)
  }

  has(key: string): boolean {
    return this.#of.getSnapshot().has(key)
  }

  entries(): IterableIterator<ReplicaEntry<Value>> {
    return this.#of.getSnapshot().entries()
  }

  readonly getSnapshot = (): ReplicaSnapshot<Value> => this.#of.getSnapshot()

  readonly subscribe = (listener: ReplicaListener<Value>): (() => void) => {
    if (this.#isOpen) return this.#keep(this.#shared.replica.subscribe(listener))
    listener(this.getSnapshot())
    return () => {}
  }

  readonly subscribeStatus = (listener: () => void): (() => void) => {
    if (!this.#isOpen) return () => {}
    const own = () => listener()
    this.#statusListeners.add(own)
    const end = this.#keep(this.#shared.replica.subscribeStatus(own))
    return () => {
      this.#statusListeners.delete(own)
      end()
    }
  }

  async *changes(signal?: AbortSignal): AsyncGenerator<ReplicaCommit<Value>, void, undefined> {
    const ended = this.#endingWith(signal)
    try {
      yield* this.#shared.replica.changes(ended.signal)
    } catch (error) {
      if (error !== kClosed) throw error
    } finally {
      ended.letGo()
    }
  }

  async waitFor(position: Position, signal?: AbortSignal): Promise<void> {
    const ended = this.#endingWith(signal)
    try {
      await this.#shared.replica.waitFor(position, ended.signal)
    } catch (error) {
      throw error === kClosed ? closed() : error
    } finally {
      ended.letGo()
    }
  }

  async close(): Promise<void> {
    const { replica, owners, forget } = this.#shared
    if (owners.delete(this)) {
      const isLast = owners.size === 0
      const { position, digest, proven, status } = replica
      // Others' replicas move on: what this one held is copied out.
      const snapshot = isLast ? replica.getSnapshot() : copyOf(position, replica)
      const getSnapshot = () => snapshot
      this.#of = { position, digest, proven, getSnapshot, status: { ...status, state: "closed" } }
      if (isLast) forget()
      for (const end of [...this.#ends]) end()
      this.#closing.abort(kClosed)
      callAll(this.#statusListeners)
      this.#statusListeners.clear()
    }
    if (owners.size === 0) await replica.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** For who opened what is shared: something was reported. */
  report(report: Report): void {
    if (this.#report) callAll([this.#report], report)
  }

  get #isOpen(): boolean {
    return !this.#closing.signal.aborted && this.#shared.owners.has(this)
  }

  // Notes what ends with this share. Ending twice is harmless.
  #keep(end: () => void): () => void {
    const once = () => {
      this.#ends.delete(once)
      end()
    }
    this.#ends.add(once)
    return once
  }

  // A signal for one wait: it ends with the caller's or with this share.
  #endingWith(signal: AbortSignal | undefined): { signal: AbortSignal; letGo(): void } {
    const either = new AbortController()
    const own = this.#closing.signal
    const ends = [
      onAbort(signal, () => either.abort(signal?.reason)),
      onAbort(own, () => either.abort(own.reason)),
    ]
    return {
      signal: either.signal,
      letGo: () => {
        for (const end of ends) end()
      },
    }
  }

  async #whileOpen(wait: () => Promise<void>): Promise<void> {
    const { signal } = this.#closing
    let letGo = () => {}
    const ended = new Promise<never>((_, reject) => {
      letGo = onAbort(signal, () => reject(closed()))
    })
    try {
      await Promise.race([wait(), ended])
    } finally {
      letGo()
    }
  }
}

// What ends waits when an owner closes; never seen outside.
const kClosed: unique symbol = Symbol("closed")

function closed(): ReplicaError {
  return new ReplicaError("closed", "ERR_CLOSED", "stop")
}

function copyOf<Value>(
  position: Position | undefined,
  replica: Pick<Replica<Value>, "entries">,
): ReplicaSnapshot<Value> {
  const entries = [...replica.entries()].map((entry) => [entry.key, entry] as const)
  return new ReplicaSnapshot(position, new Map(entries))
}
