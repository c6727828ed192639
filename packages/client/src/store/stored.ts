import {
  checkBytes,
  checkOptions,
  durationRule,
  functionRule,
  type OptionRules,
  required,
  startTimer,
} from "@headwater/core"
import { type Frame, formatPosition } from "@headwater/protocol"
import { callUser } from "../call-user.ts"
import { clockRule } from "../hub-rules.ts"
import type { ClientClock, ReplicaStore, Storable } from "../link.ts"
import { decodeState, encodeState, type StoredState, StoredStateError } from "./stored-state.ts"

/** Keeps bytes: one state, replaced whole or not at all. */
export interface ReplicaStorage {
  /** Loads the state that was saved last; `undefined` when there is none. */
  load(): Promise<Uint8Array | undefined>
  /** Replaces it. The old state stays where this is cut short. Called one at a time. */
  save(bytes: Uint8Array): Promise<void>
}

/**
 * A report of a store. The replica goes on in every case: where no state can be loaded, without.
 *
 *   loaded    the replica began with the stored state
 *   refused   the stored state is cut, changed, or of another topic or filter
 *   failed    the storage cannot be read or written
 */
export type StoreReport =
  | { readonly type: "loaded"; readonly entries: number }
  | { readonly type: "refused"; readonly reason: "corrupted" | "foreign"; readonly error: Error }
  | { readonly type: "failed"; readonly during: "load" | "save"; readonly error: unknown }

/** Options of a store. */
export interface StoreOptions {
  readonly report?: ((report: StoreReport) => void) | undefined
  /** At most one save in this time; `SAVE_INTERVAL_MS` unless said otherwise. */
  readonly intervalMs?: number | undefined
  readonly clock?: Pick<ClientClock, "after"> | undefined
}

const RULES: OptionRules<StoreOptions> = {
  report: functionRule,
  intervalMs: durationRule(),
  clock: clockRule,
}

const STORAGE_RULES = { load: required(functionRule), save: required(functionRule) }

/** A replica that moves all the time is saved this often. */
export const SAVE_INTERVAL_MS = 10_000

/**
 * Makes the `store` of `connect`: the replica begins with the stored state, and is saved after it
 * moved, at most once in `intervalMs`, and when it is closed.
 *
 * A save writes all of it: O(size). For one replica at a time.
 *
 * Decision: docs/decisions/client.md, “A stored replica is written whole”.
 *
 * @throws {OptionError} an option is unknown or senseless, or the storage has no `load` and `save`.
 */
export function stored(storage: ReplicaStorage, options: StoreOptions = {}): ReplicaStore {
  const { load, save } = storage ?? {}
  checkOptions<Partial<ReplicaStorage>>("stored: storage", { load, save }, STORAGE_RULES)
  checkOptions("stored", options, RULES)
  return {
    attach: (replica, url, signal) => new Keeper(storage, options, replica, url).begin(signal),
  }
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
      const bytes: unknown = await this.#storage.load()
      return bytes === undefined ? undefined : checkBytes(bytes, "the stored state")
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
    const { clock, intervalMs = SAVE_INTERVAL_MS } = this.#options
    const save = () => this.#save()
    this.#stopTimer ??= clock ? clock.after(intervalMs, save) : startTimer(intervalMs, save)
  }

  #save(): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    // One after the other; each writes the state as it is when its turn comes.
    this.#saving = this.#saving.then(async () => {
      const { snapshot, state } = this.#replica
      const { position, resume } = state
      if (!position) return
      const entries = [...snapshot.entries()]
      try {
        await this.#storage.save(encodeState({ place: this.#place, position, resume, entries }))
      } catch (error) {
        this.#report({ type: "failed", during: "save", error })
      }
    })
  }

  #report(report: StoreReport): void {
    const { report: listener } = this.#options
    if (listener) callUser(listener, report)
  }
}

// The stored state comes in as a snapshot without a digest: the hub has to prove it. Values are
// read already, so that they pass as JSON.
function restore(replica: Storable, { position, resume, entries }: StoredState): void {
  const { epoch, revision } = position
  const id = formatPosition(position)
  const names = { topic: "", view: "", policy: "" }
  const numbers = { protocol: 1, heartbeatMs: 0, frameBytesMax: 0 }
  const frames: Frame[] = [
    { type: "hello", epoch, values: "json", resumed: false, ...names, ...numbers },
    { type: "snapshot", entries },
    { type: "sync", id, revision, entries: entries.length },
  ]
  for (const frame of frames) replica.take(frame, false, 0)
  replica.state.resume = resume
}
