import type { Frame } from "@headwater/protocol"
import { type ClientEvent, nextState } from "./client-state.ts"
import type { Report } from "./connect-options.ts"
import { changesOf, type Replaced } from "./entry-changes.ts"
import type { Storable } from "./link.ts"
import type { Proof, ReplicaCommit, ReplicaStatus } from "./replica.ts"
import { type Mismatch, ReplicaState } from "./replica-state.ts"
import { ReplicaSnapshot } from "./snapshot.ts"

/** A notification of everything that changed at once. */
export interface ChangeNotification<Value = unknown> {
  /** It moved to an id: each key that this changed, with its entry before. */
  readonly replaced?: Replaced<Value> | undefined
  /** The same as consumers see it; absent where they see no change. */
  readonly commit?: ReplicaCommit<Value> | undefined
  /** `status` or `proven` is another object. */
  readonly isStatus?: boolean
  readonly report?: Report | undefined
}

/** Takes every notification, and uses the parts that it needs. */
export type ChangeHandler<Value = unknown> = (notification: ChangeNotification<Value>) => unknown

/**
 * The replica that one stream feeds, for all owners of a share in it: the state, and the handlers
 * to notify.
 *
 * `take`, `transition` and `state` are for the code that runs the link.
 */
export class LiveReplica<Value = unknown> implements Storable {
  readonly state = new ReplicaState<Value>()
  /** Aborted to let go of the link for good. */
  readonly closing = new AbortController()
  /** Settles when nothing is open any more. Set by the code that runs the link. */
  running: Promise<void> | undefined
  snapshot: ReplicaSnapshot<Value> = new ReplicaSnapshot(undefined, this.state.entries)
  status: ReplicaStatus = { state: "idle", hub: undefined, error: undefined }
  proven: Proof = { count: 0, lastAt: undefined, position: undefined, mismatches: 0 }
  /** The handlers of each owner. The stream ends with the last owner. */
  readonly owners = new Set<Set<ChangeHandler<Value>>>()
  /** An owner listens to reports or to the status, and so learns of a hub that is away. */
  isObserved = false
  /** Called after every step. Set by a store. */
  onStep: (() => void) | undefined

  /**
   * Takes a frame, and notifies every owner of its effect.
   *
   * @param isTolerant see `ReplicaState.take`.
   * @param now ms since 1970.
   * @throws {FrameError} see `ReplicaState.take`.
   */
  take(frame: Frame, isTolerant: boolean, now: number): Mismatch | undefined {
    const { status, proven } = this
    const { isProven, replaced, mismatch } = this.state.take(frame, isTolerant)
    const { type } = frame
    const commit = replaced && this.#step(replaced)
    if (isProven) {
      this.proven = {
        ...proven,
        count: proven.count + 1,
        lastAt: now,
        position: this.state.position,
      }
    }
    if (mismatch) this.proven = { ...proven, mismatches: proven.mismatches + 1 }
    if (type === "status") this.status = { ...status, hub: frame.report }
    else if (type !== "sync" || replaced) this.#move(type)
    const report: Report | undefined =
      type === "reset" ? frame : mismatch && { type: "mismatch", mismatch, isTolerated: isTolerant }
    const isStatus = status !== this.status || proven !== this.proven
    this.#notify({ replaced, commit, isStatus, report })
    return mismatch
  }

  /** Moves the status by an event of the link. */
  transition(event: ClientEvent, error?: Error, report?: Report): void {
    const { status } = this
    this.#move(event, error)
    this.#notify({ report, isStatus: status !== this.status })
  }

  #move(event: ClientEvent | Frame["type"], error = this.status.error): void {
    const { state, hub } = this.status
    const next = nextState(state, event)
    if (next !== state)
      this.status = { state: next, hub, error: next === "live" ? undefined : error }
  }

  // Notifies every handler of every owner.
  #notify(notification: ChangeNotification<Value>): void {
    for (const handlers of [...this.owners]) {
      for (const handler of [...handlers]) handler(notification)
    }
  }

  // Makes the next snapshot, and the commit that consumers see, if they see one.
  #step(replaced: Replaced<Value>): ReplicaCommit<Value> | undefined {
    const { entries, position } = this.state
    const isFirst = !this.snapshot.position
    this.onStep?.()
    if (replaced.size || isFirst) this.snapshot = this.snapshot.next(position, entries, replaced)
    const changes = changesOf(replaced, this.snapshot)
    return changes.length || isFirst ? { position: position!, changes } : undefined
  }
}
