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
 * Reads the state of a subject: appends it batch by batch, and returns its revision.
 * The events of one batch are of one revision, and none is above the answer.
 *
 * Called once for all subscribers that ask meanwhile. Events that are published while it runs are
 * not lost. Revision 0, of an empty state, is sent as 1, because 0 is "nothing known". `signal` is
 * aborted when no subscriber waits for the state any more; later batches are ignored.
 */
export type SnapshotHandler<Payload> = (
  of: Subject,
  append: (events: readonly Event<Payload>[]) => void,
  signal: AbortSignal,
) => Revision | Promise<Revision>

/** The subject of a snapshot, and the buffer of that subject. */
export interface SnapshotContext<Payload> {
  readonly of: Subject
  readonly live: EventBuffer
  /** A batch as the payload of one item. */
  encode(events: readonly Event<Payload>[]): Uint8Array
  /** Called when a state of this revision is whole. */
  onBuilt(revision: Revision): void
  /** Wakes readers: there is something to read, or an end. */
  wake(): void
  /** Called when there is no room even for the error. */
  giveUp(): void
}

/** The means to build a snapshot. */
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
 * The snapshot of one subject: built once for all that ask while it is built, outside of any turn
 * of the publisher's own, and shared for `snapshotTtlMs` after. It stays right however old it is,
 * because the live trail is linked to its end.
 *
 *     none → building → shared → none        by its timer, for lack of room, or with its owner
 *               └─────→ failed → none        the next to ask has it built anew
 *
 * A timer drops the snapshot that it was set for, and no other (CS-E13). Without a handler the
 * state is empty, as of the newest event: it is shared until the next one.
 *
 * Source: the snapshot cache in Consul's `EventPublisher`, off its lock.
 */
export class SharedSnapshot<Payload> {
  readonly #context: SnapshotContext<Payload>
  readonly #options: SharedSnapshotOptions<Payload>
  #snapshot: EventSnapshot | undefined
  #build: Build | undefined
  #beganAt = 0
  #beganRevision: Revision = 0
  #cancelExpiry: (() => void) | undefined

  constructor(context: SnapshotContext<Payload>, options: SharedSnapshotOptions<Payload>) {
    this.#context = context
    this.#options = options
  }

  /** Returns whether it is being built. */
  get isBuilding(): boolean {
    return this.#build !== undefined
  }

  /** Returns whether its state is newer than a revision that was published before. */
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
    const { of, live } = this.#context
    const isCurrent = handler !== undefined || this.#beganAt === live.mark.sequence
    if (this.#snapshot?.usable && isCurrent) {
      observer?.onSnapshotShared?.(of.topic)
      return this.#snapshot
    }
    // One that is still built, and lags too far ever to be whole, has readers that wait for it.
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

  /** Lets go of it: no new reader starts from it. Its readers read on; a build has none left. */
  drop(): void {
    this.#cancelExpiry?.()
    this.#cancelExpiry = undefined
    this.#snapshot?.close()
    this.#snapshot = undefined
    if (this.#build !== undefined) this.#end(this.#build, { outcome: "given-up" })
  }

  /** Gives up a snapshot that is kept for later subscribers. */
  yieldMemory(): void {
    if (this.#build === undefined) this.drop()
  }

  /** Asserts what must hold between two calls: see `EventPublisher.assertInvariants`. */
  assertInvariants(): void {
    const build = this.#build
    assert(build === undefined || build.snapshot === this.#snapshot, "a build is of its snapshot")
    assert(build === undefined || !build.abort.signal.aborted, "a build that goes on is wanted")
    const hasTimer = this.#cancelExpiry !== undefined
    assert(!hasTimer || this.#snapshot !== undefined, "a timer is of a snapshot")
    assert(!hasTimer || build === undefined, "a snapshot expires only once it is whole")
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
      const revision = handler(this.#context.of, append, build.abort.signal)
      if (typeof revision === "number") finish(revision)
      else revision.then(finish).catch((error: unknown) => this.#fail(build, error))
    } catch (error) {
      this.#fail(build, error)
    }
  }

  // Whatever the handler makes of the error, a state that lacks a batch is never sent as whole.
  #append(build: Build, events: readonly Event<Payload>[]): void {
    const [first] = events
    if (first === undefined || this.#build !== build) return
    try {
      const { topic, subject } = this.#context.of
      for (const event of events) {
        assert(event.revision === first.revision, "a batch of a snapshot is of one revision")
        assert(event.topic === topic, "a snapshot is of one topic")
        const isOfSubject = subject === EVERY_SUBJECT || event.subject === subject
        assert(isOfSubject, "a snapshot has the events of its subject")
      }
      build.newest = Math.max(build.newest, first.revision)
      const payload = this.#context.encode(events)
      build.snapshot.append(first.revision, payload)
    } catch (error) {
      this.#fail(build, error)
      throw error
    }
    this.#context.wake()
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
    this.#context.onBuilt(revision)
    this.#end(build, { outcome: "built" })
  }

  #fail(build: Build, error: unknown): void {
    if (this.#build !== build) return
    try {
      build.snapshot.fail(error)
    } catch {
      // There is not even room to say so. This drops the snapshot, and with it the build.
      this.#context.giveUp()
    }
    if (this.#build === build) this.#end(build, { outcome: "failed", error })
  }

  // A snapshot is shared for a time from here on; at 0 ms, by subscribers of this turn.
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
      this.#context.wake()
    }
    if (handler === undefined) return
    if (how.outcome !== "built") {
      // In a turn of its own: listeners are the handler's code, and this may be mid-change.
      queueMicrotask(() => abort.abort(how.error ?? new ClosedError("unsubscribed")))
    }
    const durationMs = clock.elapsed() - began
    observer?.onSnapshot?.(this.#context.of.topic, { ...how, durationMs })
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
