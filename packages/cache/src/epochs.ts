import { assert } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import { Compaction } from "./compaction.ts"
import { loadEpoch } from "./epoch-image.ts"
import { type EpochOptions, EpochState } from "./epoch-state.ts"

/** A life that is written to, and what keeps its history within bounds. */
export interface ActiveEpoch {
  readonly epochState: EpochState
  readonly compaction: Compaction
}

/**
 * The lives of a cache: the one that is served, the one that is filled beside it until it is whole,
 * and those that readers still hold.
 */
export class Epochs {
  /** What was said with the newest epoch. */
  memo: string | undefined
  readonly #options: EpochOptions
  #serving: ActiveEpoch | undefined
  #filling: ActiveEpoch | undefined
  #retired: EpochState[] = []

  constructor(options: EpochOptions) {
    this.#options = options
  }

  /** What readers see; `undefined` until something is complete. */
  get serving(): EpochState | undefined {
    return this.#serving?.epochState
  }

  /** What keeps its history. */
  get compaction(): Compaction | undefined {
    return this.#serving?.compaction
  }

  /** What the writer writes to. */
  get target(): ActiveEpoch {
    const target = this.#filling ?? this.#serving
    assert(target !== undefined, "an epoch was named before anything is applied")
    return target
  }

  /** Everything up to here has been told to what the writer writes to; 0 before there is any. */
  get contiguous(): number {
    return (this.#filling ?? this.#serving)?.epochState.contiguous ?? 0
  }

  /**
   * From now on the writer writes to the life of this epoch, which may be the one that is served.
   */
  renew(epoch: string, memo: string | undefined): void {
    if (this.#filling?.epochState.epoch !== epoch) this.#begin(epoch)
    this.memo = memo
  }

  /** Begins with the life of an image, which is served at once. Answers a handle on its version. */
  load(image: Uint8Array | Iterable<Uint8Array>): Snapshot {
    assert(this.#serving === undefined, "an image is loaded before anything is served")
    const { epochState, snapshot, memo } = loadEpoch(image, this.#options)
    this.memo = memo
    const { limits, clock } = this.#options
    this.#serving = { epochState, compaction: new Compaction(epochState, limits, clock) }
    this.#serving.compaction.sample(snapshot.version)
    return snapshot
  }

  /** What is filled is whole: it is served. The old life stays for the readers that hold it. */
  swapIn(target: ActiveEpoch): void {
    if (target !== this.#filling) return
    const old = this.#serving?.epochState
    this.#serving = target
    this.#filling = undefined
    if (old === undefined) return
    this.#retired = this.#retired.filter((epochState) => !epochState.disposed)
    this.#retired.push(old)
    while (this.#retired.length > this.#options.limits.epochsMax) this.#retired.shift()?.dispose()
    old.release()
  }

  /** Frees all memory, whoever still holds it. */
  dispose(): void {
    for (const epochState of this.#retired) epochState.dispose()
    this.#serving?.epochState.dispose()
    this.#filling?.epochState.dispose()
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
