import type { Position } from "@headwater/core"
import type { Frame } from "@headwater/protocol"
import { Assembly, type Mismatch } from "./assembly.ts"
import type { Link } from "./link.ts"
import type {
  EntryChange,
  Proof,
  Replica,
  ReplicaCommit,
  ReplicaListener,
  ReplicaStatus,
} from "./replica.ts"
import { ReplicaError } from "./replica-error.ts"
import { isSameValue } from "./same-value.ts"
import { type ReplicaEntry, ReplicaSnapshot } from "./snapshot.ts"
import { type ClientEvent, TRANSITIONS } from "./state.ts"
import { wait } from "./wait.ts"

type Replaced<Value> = Map<string, ReplicaEntry<Value> | undefined>

/**
 * The replica that `connect` makes: an assembly, and everybody who wants to hear of it.
 *
 * `begin`, `forget`, `hear` and `on` are for who runs the link; its owner sees a `Replica`.
 */
export class LiveReplica<Value> extends Assembly<Value> implements Replica<Value> {
  readonly ready: Promise<void>
  /** Settles when the link is let go of for good. Set by who runs it. */
  running: Promise<void> | undefined
  /** What it was made with, for who writes; `url` is the stream's. Set by who runs it. */
  link: Link | undefined
  /** Called after every step. Set by who keeps the replica. */
  onStep: (() => void) | undefined
  readonly #closing: AbortController
  #snapshot: ReplicaSnapshot<Value> = new ReplicaSnapshot(undefined, this.held)
  #status: ReplicaStatus = { state: "idle", hub: undefined, error: undefined }
  #proven: Proof = { count: 0, lastAt: undefined, position: undefined, mismatches: 0 }
  readonly #listeners = new Set<ReplicaListener<Value>>()
  readonly #statusListeners = new Set<() => void>()
  // For each `changes()`, what its consumer last saw under each key that changed since.
  readonly #unseen = new Set<Replaced<Value>>()
  readonly #waiting = new Set<() => void>()

  /** @param closing is aborted to close the link. */
  constructor(closing: AbortController) {
    super()
    this.#closing = closing
    this.ready = this.#until(() => !!this.position)
    // Who never looks at `ready` must not be ended by it.
    this.ready.catch(() => {})
  }

  get size(): number {
    return this.held.size
  }

  get status(): ReplicaStatus {
    return this.#status
  }

  get proven(): Proof {
    return this.#proven
  }

  get(key: string): Value | undefined {
    return this.held.get(key)?.value
  }

  getEntry(key: string): ReplicaEntry<Value> | undefined {
    return this.held.get(key)
  }

  has(key: string): boolean {
    return this.held.has(key)
  }

  entries(): IterableIterator<ReplicaEntry<Value>> {
    return this.#snapshot.entries()
  }

  readonly getSnapshot = (): ReplicaSnapshot<Value> => this.#snapshot

  readonly subscribe = (listener: ReplicaListener<Value>): (() => void) => {
    listener(this.#snapshot)
    return addTo(this.#listeners, listener)
  }

  readonly subscribeStatus = (listener: () => void): (() => void) =>
    addTo(this.#statusListeners, listener)

  async *changes(signal?: AbortSignal): AsyncGenerator<ReplicaCommit<Value>, void, undefined> {
    const unseen: Replaced<Value> = new Map()
    let isFirst = true
    try {
      for (;;) {
        if (isFirst && this.position) {
          // To a consumer who has seen nothing, everything that is held has just come.
          for (const key of this.held.keys()) unseen.set(key, undefined)
          this.#unseen.add(unseen)
        }
        const changes = this.#changesOf(unseen)
        unseen.clear()
        if (this.position && (isFirst || changes.length > 0)) {
          isFirst = false
          yield { position: this.position, changes }
        } else if (this.#isOver()) return
        else await this.#move(signal)
      }
    } finally {
      this.#unseen.delete(unseen)
    }
  }

  waitFor({ epoch, revision }: Position, signal?: AbortSignal): Promise<void> {
    let before: string | undefined
    return this.#until(() => {
      const at = this.position
      before ??= at?.epoch
      if (at?.epoch === epoch) return at.revision >= revision
      if (at?.epoch === before) return false
      throw new ReplicaError("another epoch", "ERR_EPOCH_CHANGED", "resync")
    }, signal)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.running
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /**
   * Takes a frame, and tells whoever listens what it brought about.
   *
   * @param isTolerant see `Assembly.take`.
   * @param now ms since 1970.
   * @throws {FrameError} see `Assembly.take`.
   */
  hear(frame: Frame, isTolerant: boolean, now: number): Mismatch | undefined {
    const wasWhole = this.position
    const { replaced, isProven, mismatch } = this.take(frame, isTolerant)
    const { type } = frame
    if (type === "hello" || type === "reset" || (type === "sync" && replaced)) this.on(type)
    if (type === "status") this.#setStatus({ ...this.#status, hub: frame.report })
    if (isProven || mismatch) {
      const { count, mismatches } = this.#proven
      this.#proven = isProven
        ? { count: count + 1, lastAt: now, position: this.position, mismatches }
        : { ...this.#proven, mismatches: mismatches + 1 }
      callAll(this.#statusListeners)
    }
    if (replaced) this.#step(replaced, !wasWhole)
    return mismatch
  }

  /** Begins with what was held in another process. */
  restore(entries: Iterable<ReplicaEntry<Value>>, position: Position, resume: string): void {
    this.#step(this.fill(entries, position, resume), true)
  }

  #step(replaced: ReadonlyMap<string, ReplicaEntry<Value> | undefined>, isFirst: boolean): void {
    this.onStep?.()
    if (replaced.size > 0 || isFirst) {
      this.#snapshot = this.#snapshot.next(this.position, this.held, replaced)
    }
    // What came and went since is forgotten, so that these maps hold no more keys than the consumer
    // saw and the replica holds.
    for (const unseen of this.#unseen) {
      for (const [key, previous] of replaced) {
        if (!unseen.has(key)) unseen.set(key, previous)
        else if (!unseen.get(key) && !this.has(key)) unseen.delete(key)
      }
    }
    callAll(this.#waiting)
    const changes = this.#changesOf(replaced)
    if (changes.length > 0 || isFirst) {
      callAll(this.#listeners, this.#snapshot, { position: this.position!, changes })
    }
  }

  /** Something happened to the link. */
  on(event: ClientEvent, error = this.#status.error): void {
    const state = TRANSITIONS[this.#status.state][event]
    this.#setStatus({ ...this.#status, state, error: state === "live" ? undefined : error })
    callAll(this.#waiting)
  }

  #setStatus(status: ReplicaStatus): void {
    const { state, hub, error } = this.#status
    if (status.state === state && status.hub === hub && status.error === error) return
    this.#status = status
    callAll(this.#statusListeners)
  }

  // Waits until something is so: what is there counts before the end, and that before the signal.
  async #until(isSo: () => boolean, signal?: AbortSignal): Promise<void> {
    for (; !isSo(); await this.#move(signal)) {
      if (this.#isOver()) throw new ReplicaError("closed", "ERR_CLOSED", "stop")
    }
  }

  // Waits until the replica moves, or closes. Who calls has looked whether it did.
  #move(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    return wait((wake) => addTo(this.#waiting, wake), signal)
  }

  // Tells whether it is closed; throws when that was not its owner's will.
  #isOver(): boolean {
    const { state, error } = this.#status
    if (state !== "closed") return false
    if (error && !this.#closing.signal.aborted) throw error
    return true
  }

  // What somebody sees who last saw what was replaced. A touch is nothing.
  #changesOf(replaced: ReadonlyMap<string, ReplicaEntry<Value> | undefined>): EntryChange<Value>[] {
    const changes: EntryChange<Value>[] = []
    for (const [key, previous] of replaced) {
      const entry = this.held.get(key)
      if (!previous) entry && changes.push({ type: "new", entry })
      else if (!entry) changes.push({ type: "deleted", previous })
      else if (!isSameValue(previous.value, entry.value)) {
        changes.push({ type: "updated", entry, previous })
      }
    }
    return changes
  }
}

/**
 * Calls everybody. One that throws is its owner's bug: told to the process, as the platform does,
 * and to nobody else's listener.
 */
export function callAll<Arguments extends unknown[]>(
  listeners: Iterable<(...args: Arguments) => void>,
  ...args: Arguments
): void {
  for (const listener of [...listeners]) {
    try {
      listener(...args)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
}

// Wraps the listener, so that one function subscribed twice is two subscriptions.
function addTo<Arguments extends unknown[]>(
  listeners: Set<(...args: Arguments) => void>,
  listener: (...args: Arguments) => void,
): () => void {
  const own = (...args: Arguments) => listener(...args)
  listeners.add(own)
  return () => {
    listeners.delete(own)
  }
}
