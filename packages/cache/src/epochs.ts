import { assert } from "@headwater/core"
import type { Engine, Snapshot } from "@headwater/core/engine"
import { Compaction } from "./compaction.ts"
import { loadEpoch } from "./epoch-image.ts"
import { type EpochOptions, EpochState } from "./epoch-state.ts"

/** An epoch that is written to, and the compaction of its history. */
export interface ActiveEpoch {
  readonly epochState: EpochState
  readonly compaction: Compaction
}

/**
 * The epochs of a cache: the one that is served, the one that is filled beside it until it is
 * complete, and past ones that readers still hold.
 */
export class Epochs {
  /** The metadata of the newest epoch. */
  metadata: string | undefined
  readonly #options: EpochOptions
  #serving: ActiveEpoch | undefined
  #filling: ActiveEpoch | undefined
  #past: EpochState[] = []

  constructor(options: EpochOptions) {
    this.#options = options
  }

  /** The epoch that readers see; `undefined` until a version is complete. */
  get serving(): EpochState | undefined {
    return this.#serving?.epochState
  }

  /** The compaction of the epoch that is served. */
  get compaction(): Compaction | undefined {
    return this.#serving?.compaction
  }

  /** The engines of all epochs that hold memory: served, filled, and past ones in use. */
  *engines(): Generator<Engine> {
    const past = this.#past.filter((epochState) => !epochState.disposed)
    for (const epochState of [this.#serving?.epochState, this.#filling?.epochState, ...past]) {
      if (epochState?.disposed === false) yield epochState.engine
    }
  }

  /** The epoch that the writer writes to. */
  get target(): ActiveEpoch {
    const target = this.#filling ?? this.#serving
    assert(target !== undefined, "an epoch was named before anything is applied")
    return target
  }

  /** The revision up to which the writer has written everything; 0 before there is an epoch. */
  get contiguous(): number {
    return (this.#filling ?? this.#serving)?.epochState.contiguous ?? 0
  }

  /**
   * Makes this the epoch that the writer writes to. It may be the one that is served.
   */
  renew(epoch: string, metadata: string | undefined): void {
    if (this.#filling?.epochState.epoch !== epoch) this.#begin(epoch)
    this.metadata = metadata
  }

  /** Serves the epoch of an image at once. Returns a handle on its version. */
  load(image: Uint8Array | Iterable<Uint8Array>): Snapshot {
    assert(this.#serving === undefined, "an image is loaded before anything is served")
    const { epochState, snapshot, metadata } = loadEpoch(image, this.#options)
    this.metadata = metadata
    const { limits, clock } = this.#options
    this.#serving = { epochState, compaction: new Compaction(epochState, limits, clock) }
    this.#serving.compaction.sample(snapshot.version)
    return snapshot
  }

  /** Serves the epoch that was filled. The old one stays for readers that hold it. */
  swapIn(target: ActiveEpoch): void {
    if (target !== this.#filling) return
    const old = this.#serving?.epochState
    this.#serving = target
    this.#filling = undefined
    if (old === undefined) return
    this.#past = this.#past.filter((epochState) => !epochState.disposed)
    this.#past.push(old)
    while (this.#past.length > this.#options.limits.epochsMax) this.#past.shift()?.dispose()
    old.release()
  }

  /** Frees all metadatary, also under readers that hold it. */
  dispose(): void {
    for (const epochState of this.#past) epochState.dispose()
    this.#serving?.epochState.dispose()
    this.#filling?.epochState.dispose()
  }

  /** Asserts what holds between two calls. For tests. */
  assertInvariants(): void {
    const [serving, filling] = [this.#serving?.epochState, this.#filling?.epochState]
    serving?.assertInvariants()
    filling?.assertInvariants()
    assert(filling === undefined || filling !== serving, "an epoch is filled beside another one")
    assert(!filling?.whole, "a complete epoch is served")
    assert(this.#past.length <= this.#options.limits.epochsMax, "past epochs are bounded")
    assert(!serving?.resyncing || filling === undefined, "a list fills the newest epoch")
  }

  #begin(epoch: string): void {
    this.#filling?.epochState.release()
    this.#filling = undefined
    if (this.#serving?.epochState.epoch === epoch) return
    this.#serving?.epochState.abortResync()
    const epochState = new EpochState(epoch, this.#options)
    const { limits, clock } = this.#options
    this.#filling = { epochState, compaction: new Compaction(epochState, limits, clock) }
  }
}
