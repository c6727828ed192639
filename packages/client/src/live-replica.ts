import type { Frame } from "@headwater/protocol"
import { Assembly, type Mismatch } from "./assembly.ts"
import type { Report } from "./connect-options.ts"
import { changesOf, type Replaced } from "./entry-changes.ts"
import type { Proof, ReplicaCommit, ReplicaStatus } from "./replica.ts"
import { type ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"
import { type ClientEvent, TRANSITIONS } from "./state.ts"

/** What there is to hear of a replica, at once. */
export interface News<Value = unknown> {
  /** It moved to an id. What stood before under each key that this changed. */
  readonly replaced?: Replaced<Value> | undefined
  /** The same as its followers see it; absent where they see nothing. */
  readonly commit?: ReplicaCommit<Value> | undefined
  /** `status` or `proven` is another object. */
  readonly isStatus?: boolean
  readonly report?: Report | undefined
}

/** Hears of everything; takes what it is after. */
export type Follower<Value = unknown> = (news: News<Value>) => void

/**
 * What one stream brings, for all who own a share of it: an assembly, and who wants to hear of it.
 *
 * `begin`, `forget`, `hear` and `on` are for who runs the link.
 */
export class LiveReplica<Value = unknown> extends Assembly<Value> {
  /** Aborted to let go of the link for good. */
  readonly closing = new AbortController()
  /** Settles when it is. Set by who runs it. */
  running: Promise<void> | undefined
  snapshot: ReplicaSnapshot<Value> = new ReplicaSnapshot(undefined, this.held)
  status: ReplicaStatus = { state: "idle", hub: undefined, error: undefined }
  proven: Proof = { count: 0, lastAt: undefined, position: undefined, mismatches: 0 }
  /** The followers of each owner. The stream ends with the last of them. */
  readonly owners = new Set<Set<Follower<Value>>>()
  /** Called after every step. Set by who keeps the replica. */
  onStep: (() => void) | undefined

  entries(): IterableIterator<ReplicaEntry<Value>> {
    return this.snapshot.entries()
  }

  /**
   * Takes a frame, and tells whoever listens what it brought about.
   *
   * @param isTolerant see `Assembly.take`.
   * @param now ms since 1970.
   * @throws {FrameError} see `Assembly.take`.
   */
  hear(frame: Frame, isTolerant: boolean, now: number): Mismatch | undefined {
    const { proven } = this
    const isFirst = !this.position
    const { replaced, isProven, mismatch } = this.take(frame, isTolerant)
    const { position } = this
    const { type } = frame
    if (isProven) this.proven = { ...proven, count: proven.count + 1, lastAt: now, position }
    if (mismatch) this.proven = { ...proven, mismatches: proven.mismatches + 1 }
    let commit: ReplicaCommit<Value> | undefined
    if (replaced) {
      this.onStep?.()
      const isNews = replaced.size > 0 || isFirst
      if (isNews) this.snapshot = this.snapshot.next(position, this.held, replaced)
      const changes = changesOf(replaced, this.snapshot)
      if (changes.length > 0 || isFirst) commit = { position: position!, changes }
    }
    if (type === "hello" || type === "reset" || (type === "sync" && replaced)) this.on(type)
    if (type === "status") this.status = { ...this.status, hub: frame.report }
    this.tell({ replaced, commit, isStatus: type === "status" || proven !== this.proven })
    return mismatch
  }

  /** Something happened to the link. */
  on(event: ClientEvent, error = this.status.error, report?: Report): void {
    const { state, hub } = this.status
    const next = TRANSITIONS[state][event]
    const isStatus = next !== state
    if (isStatus) this.status = { state: next, hub, error: next === "live" ? undefined : error }
    this.tell({ report, isStatus })
  }

  /** Tells every consumer of every owner. */
  tell(news: News<Value>): void {
    for (const followers of [...this.owners]) callAll(followers, news)
  }
}

/**
 * Calls everybody. One that throws is its owner's bug: told to the process, as the platform does,
 * and to nobody else's listener.
 */
export function callAll<Told>(listeners: Iterable<(told: Told) => void>, told: Told): void {
  for (const listener of [...listeners]) {
    try {
      listener(told)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}
