import { type Frame, formatPosition, PROTOCOL_VERSION } from "@headwater/protocol"
import type { ClientClock, ReplicaStore, Storable } from "../link.ts"
import { callAll } from "../live-replica.ts"
import { decodeState, encodeState, type StoredState, StoredStateError } from "./stored-state.ts"

/** Where bytes are kept: one state, replaced whole or not at all. */
export interface ReplicaStorage {
  /** What was saved last; `undefined` when nothing was. */
  load(): Promise<Uint8Array | undefined>
  /** Replaces it. What was there stays where this is cut short. Called one at a time. */
  save(bytes: Uint8Array): Promise<void>
}

/**
 * What a store tells. The replica goes on in every case: what cannot be loaded is begun without.
 *
 *   loaded    it began with what was stored
 *   refused   what was stored is cut, changed, or of another topic or filter
 *   failed    the storage cannot be read or written
 */
export type StoreReport =
  | { readonly type: "loaded"; readonly entries: number }
  | { readonly type: "refused"; readonly reason: "corrupted" | "foreign"; readonly error: Error }
  | { readonly type: "failed"; readonly during: "load" | "save"; readonly error: unknown }

/** How to store. */
export interface StoreOptions {
  readonly report?: ((report: StoreReport) => void) | undefined
  /** At most one save in this time; `SAVE_INTERVAL_MS` unless said otherwise. */
  readonly intervalMs?: number
  readonly clock?: Pick<ClientClock, "after">
}

/** A replica that moves all the time is saved this often. */
export const SAVE_INTERVAL_MS = 10_000

/**
 * Makes what `connect` takes as `store`: the replica begins with what is there, is saved after it
 * moved, at most once in `intervalMs`, and when it is closed.
 *
 * A save writes all of it: O(size). For one replica at a time.
 */
export function stored(storage: ReplicaStorage, options: StoreOptions = {}): ReplicaStore {
  return {
    attach: (replica, url, signal) => new Keeper(storage, options, replica, url).begin(signal),
  }
}

const timers: Pick<ClientClock, "after"> = {
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return () => clearTimeout(timer)
  },
}

class Keeper {
  readonly #storage: ReplicaStorage
  readonly #options: StoreOptions
  readonly #replica: Storable
  // Path and query stand for the topic and its filters, whichever hub it is.
  readonly #place: string
  #saving: Promise<void> = Promise.resolve()
  #stopTimer: (() => void) | undefined

  constructor(storage: ReplicaStorage, options: StoreOptions, replica: Storable, url: URL) {
    this.#storage = storage
    this.#options = options
    this.#replica = replica
    this.#place = url.pathname + url.search
  }

  async begin(signal: AbortSignal): Promise<() => Promise<void>> {
    const replica = this.#replica
    const bytes = await this.#load()
    if (bytes && !signal.aborted) this.#restore(bytes)
    replica.onStep = () => this.#soon()
    return async () => {
      replica.onStep = undefined
      if (this.#stopTimer) this.#save()
      await this.#saving
    }
  }

  async #load(): Promise<Uint8Array | undefined> {
    try {
      return await this.#storage.load()
    } catch (error) {
      this.#report({ type: "failed", during: "load", error })
      return undefined
    }
  }

  #restore(bytes: Uint8Array): void {
    try {
      const state = decodeState(bytes, this.#place)
      restore(this.#replica, state)
      this.#report({ type: "loaded", entries: state.entries.length })
    } catch (error) {
      if (!(error instanceof StoredStateError)) throw error
      this.#report({ type: "refused", reason: error.reason, error })
    }
  }

  #soon(): void {
    const { clock = timers, intervalMs = SAVE_INTERVAL_MS } = this.#options
    this.#stopTimer ??= clock.after(intervalMs, () => this.#save())
  }

  #save(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    // One after the other; each writes what is held when its turn comes.
    this.#saving = this.#saving.then(async () => {
      const { position, resume } = this.#replica
      if (!position) return
      const entries = [...this.#replica.entries()]
      try {
        await this.#storage.save(encodeState({ place: this.#place, position, resume, entries }))
      } catch (error) {
        this.#report({ type: "failed", during: "save", error })
      }
    })
  }

  #report(report: StoreReport): void {
    if (this.#options.report) callAll([this.#options.report], report)
  }
}

// What was stored comes in as a snapshot does. Values are as they were held, so they are taken as
// they are; there is no digest, as that is the hub's to prove.
function restore(replica: Storable, { entries, position, resume }: StoredState): void {
  const { epoch, revision } = position
  const frames: readonly Frame[] = [
    {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      topic: "",
      epoch,
      values: "json",
      view: "",
      heartbeatMs: 0,
      frameBytesMax: 0,
      resumed: false,
      policy: "",
    },
    { type: "snapshot", entries },
    { type: "sync", revision, entries: entries.length, id: formatPosition(position) },
  ]
  for (const frame of frames) replica.hear(frame, false, 0)
  replica.resume = resume
}
