import {
  assert,
  type Clock,
  ClosedError,
  type Event,
  isRevision,
  type Revision,
  SourceError,
} from "@headwater/core"
import type { Engine } from "@headwater/core/engine"
import { encodeSync } from "./codec.ts"
import type { EventBuffer } from "./event-buffer.ts"
import { EventSnapshot } from "./event-snapshot.ts"
import type { StreamLimits } from "./limits.ts"
import type { SnapshotOutcome, StreamObserver } from "./observer.ts"
import type { Keeps } from "./policy.ts"
import { EVERY_SUBJECT, type Subject } from "./subject.ts"

/**
 * Tells the state of a subject: appends it batch by batch, and answers the revision that it is of.
 * The events of one batch are of one revision, and none is above the answer.
 *
 * Called once for all who ask meanwhile. Whatever is published while it runs is not lost. 0, of an
 * empty state, is told as 1, because 0 is "nothing known". `signal` is aborted when nobody waits
 * for the state any more; what is appended from then on is not looked at.
 */
export type SnapshotHandler<Payload> = (
  of: Subject,
  append: (events: readonly Event<Payload>[]) => void,
  signal: AbortSignal,
) => Revision | Promise<Revision>

/** Whose snapshot it is: the buffer of a subject. */
export interface SnapshotOwner<Payload> {
  readonly of: Subject
  readonly live: EventBuffer
  /** A batch as the payload of one item. */
  encode(events: readonly Event<Payload>[]): Uint8Array
  /** A state of this revision is whole. */
  onBuilt(revision: Revision): void
  /** There is something to read, or an end to hear of. */
  wake(): void
  /** There is no room even to say that it failed. */
  giveUp(): void
}

/** What a shared snapshot works with. */
export interface SharedSnapshotOptions<Payload> {
  readonly engine: Engine
  readonly clock: Clock
  readonly limits: Pick<StreamLimits, "snapshotTtlMs">
  readonly observer: StreamObserver | undefined
  /** Bounds the trail behind the state. Absent: the state is not linked to the trail. */
  readonly keeps: Keeps | undefined
  readonly handler: SnapshotHandler<Payload> | undefined
}

/**
 * The snapshot of one subject: built once for all who ask while it is built, outside of any turn of
 * the publisher's own, and shared for `snapshotTtlMs` after. It stays right however old it is,
 * because the live trail is linked to its end.
 *
 *     none → building → shared → none        by its timer, for lack of room, or with its owner
 *               └─────→ failed → none        the next who asks has it built anew
 *
 * A timer drops the snapshot that it was set for, and no other (CS-E13). Without a handler the
 * state is empty, as of the newest event: it is shared until the next one.
 *
 * Source: the snapshot cache in Consul's `EventPublisher`, off its lock.
 */
export class SharedSnapshot<Payload> {
  readonly #owner: SnapshotOwner<Payload>
  readonly #options: SharedSnapshotOptions<Payload>
  #snapshot: EventSnapshot | undefined
  #build: Build | undefined
  #beganAt = 0
  #beganRevision: Revision = 0
  #cancelExpiry: (() => void) | undefined

  constructor(owner: SnapshotOwner<Payload>, options: SharedSnapshotOptions<Payload>) {
    this.#owner = owner
    this.#options = options
  }

  /** Tells whether it is being built. */
  get isBuilding(): boolean {
    return this.#build !== undefined
  }

  /** Tells whether its state is newer than a revision that had been published before. */
  isNewerThan(revision: Revision): boolean {
    return this.#snapshot?.usable === true && this.#beganRevision > revision
  }

  /** Fails a build that can never be whole, because its trail is not held any more. */
  failLagged(): void {
    const over = this.#build?.snapshot.over
    if (this.#build !== undefined && over !== undefined) this.#fail(this.#build, over)
  }

  /** The snapshot to start from: the one that is shared, or a new one. */
  get(): EventSnapshot {
    const { engine, observer, keeps, handler } = this.#options
    const { of, live } = this.#owner
    const isCurrent = handler !== undefined || this.#beganAt === live.mark.sequence
    if (this.#snapshot?.usable && isCurrent) {
      observer?.onSnapshotShared?.(of.topic)
      return this.#snapshot
    }
    // One that is still built, and lags too far ever to be whole, has readers who wait for it.
    this.failLagged()
    const snapshot = new EventSnapshot(engine, live, keeps)
    this.drop()
    this.#snapshot = snapshot
    this.#beganAt = live.mark.sequence
    this.#beganRevision = live.revision
    if (handler === undefined) this.#finish(this.#begin(snapshot), live.revision)
    else this.#run(this.#begin(snapshot), handler)
    return snapshot
  }

  /** Nobody new starts from it. Who reads it goes on; while it is built, nobody should any more. */
  drop(): void {
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    this.#snapshot?.close()
    this.#snapshot = undefined
    if (this.#build !== undefined) this.#end(this.#build, { outcome: "given-up" })
  }

  /** Gives up what is kept for those who are not here yet. */
  yieldMemory(): void {
    if (this.#build === undefined) this.drop()
  }

  #begin(snapshot: EventSnapshot): Build {
    const began = this.#options.clock.elapsed()
    this.#build = { snapshot, began, abort: new AbortController(), newest: 0 }
    return this.#build
  }

  #run(build: Build, handler: SnapshotHandler<Payload>): void {
    const append = (events: readonly Event<Payload>[]) => this.#append(build, events)
    const finish = (revision: Revision) => this.#finish(build, revision)
    try {
      const revision = handler(this.#owner.of, append, build.abort.signal)
      if (typeof revision === "number") finish(revision)
      else revision.then(finish).catch((error: unknown) => this.#fail(build, error))
    } catch (error) {
      this.#fail(build, error)
    }
  }

  // Whatever the handler makes of the error, a state that lacks a batch is never told as whole.
  #append(build: Build, events: readonly Event<Payload>[]): void {
    const [first] = events
    if (first === undefined || this.#build !== build) return
    try {
      const { topic, subject } = this.#owner.of
      for (const event of events) {
        assert(event.revision === first.revision, "a batch of a snapshot is of one revision")
        assert(event.topic === topic, "a snapshot is of one topic")
        const isOfSubject = subject === EVERY_SUBJECT || event.subject === subject
        assert(isOfSubject, "a snapshot has the events of its subject")
      }
      build.newest = Math.max(build.newest, first.revision)
      const payload = this.#owner.encode(events)
      build.snapshot.append(first.revision, payload)
    } catch (error) {
      this.#fail(build, error)
      throw error
    }
    this.#owner.wake()
  }

  #finish(build: Build, revision: Revision): void {
    if (this.#build !== build) return
    try {
      if (!isRevision(revision) || revision < build.newest) {
        throw new SourceError("a snapshot is of a revision that none of its events is above")
      }
      build.snapshot.finish(revision, encodeSync())
    } catch (error) {
      this.#fail(build, error)
      return
    }
    this.#owner.onBuilt(revision)
    this.#end(build, { outcome: "built" })
  }

  #fail(build: Build, error: unknown): void {
    if (this.#build !== build) return
    try {
      build.snapshot.fail(error)
    } catch {
      // There is not even room to say so. This drops the snapshot, and with it the build.
      this.#owner.giveUp()
    }
    if (this.#build === build) this.#end(build, { outcome: "failed", error })
  }

  // A snapshot is shared for a time from here on; without one, by those who ask in this turn.
  #end(build: Build, how: Omit<SnapshotOutcome, "durationMs">): void {
    const { clock, limits, handler, observer } = this.#options
    this.#build = undefined
    const { snapshot, abort, began } = build
    if (this.#snapshot === snapshot) {
      const drop = () => {
        if (this.#snapshot === snapshot) this.drop()
      }
      if (limits.snapshotTtlMs > 0 && snapshot.usable) {
        this.#cancelExpiry = clock.after(limits.snapshotTtlMs, drop)
      } else queueMicrotask(drop)
      this.#owner.wake()
    }
    if (handler === undefined) return
    if (how.outcome !== "built") {
      // In a turn of its own: listeners are the handler's code, and this may be mid-change.
      queueMicrotask(() => abort.abort(how.error ?? new ClosedError("unsubscribed")))
    }
    const durationMs = clock.elapsed() - began
    observer?.onSnapshot?.(this.#owner.of.topic, { ...how, durationMs })
  }
}

/** A snapshot that is being built. */
interface Build {
  readonly snapshot: EventSnapshot
  readonly began: number
  readonly abort: AbortController
  /** Of what was appended. */
  newest: Revision
}
