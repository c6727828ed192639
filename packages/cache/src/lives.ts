import { assert } from "@headwater/core"
import type { Snapshot } from "@headwater/core/engine"
import { Life, type LifeOptions } from "./life.ts"
import { loadLife } from "./life-image.ts"
import { Upkeep } from "./upkeep.ts"

/** A life that is written to, and what keeps its history within bounds. */
export interface Tended {
  readonly life: Life
  readonly upkeep: Upkeep
}

/**
 * The lives of a cache: the one that is served, the one that is filled beside it until it is whole,
 * and those that readers still hold.
 */
export class Lives {
  /** What was said with the newest epoch. */
  memo: string | undefined
  readonly #options: LifeOptions
  #serving: Tended | undefined
  #filling: Tended | undefined
  #retired: Life[] = []

  constructor(options: LifeOptions) {
    this.#options = options
  }

  /** What readers see; `undefined` until something is complete. */
  get serving(): Life | undefined {
    return this.#serving?.life
  }

  /** What keeps its history. */
  get upkeep(): Upkeep | undefined {
    return this.#serving?.upkeep
  }

  /** What the writer writes to. */
  get target(): Tended {
    const target = this.#filling ?? this.#serving
    assert(target !== undefined, "an epoch was named before anything is applied")
    return target
  }

  /** Everything up to here has been told to what the writer writes to; 0 before there is any. */
  get contiguous(): number {
    return (this.#filling ?? this.#serving)?.life.contiguous ?? 0
  }

  /**
   * From now on the writer writes to the life of this epoch, which may be the one that is served.
   */
  renew(epoch: string, memo: string | undefined): void {
    if (this.#filling?.life.epoch !== epoch) this.#begin(epoch)
    this.memo = memo
  }

  /** Begins with the life of an image, which is served at once. Answers a handle on its version. */
  load(image: Uint8Array | Iterable<Uint8Array>): Snapshot {
    assert(this.#serving === undefined, "an image is loaded before anything is served")
    const { life, snapshot, memo } = loadLife(image, this.#options)
    this.memo = memo
    const { limits, clock } = this.#options
    this.#serving = { life, upkeep: new Upkeep(life, limits, clock) }
    this.#serving.upkeep.sample(snapshot.version)
    return snapshot
  }

  /** What is filled is whole: it is served. The old life stays for the readers that hold it. */
  swapIn(target: Tended): void {
    if (target !== this.#filling) return
    const old = this.#serving?.life
    this.#serving = target
    this.#filling = undefined
    if (old === undefined) return
    this.#retired = this.#retired.filter((life) => !life.disposed)
    this.#retired.push(old)
    while (this.#retired.length > this.#options.limits.livesMax) this.#retired.shift()?.dispose()
    old.release()
  }

  /** Frees all memory, whoever still holds it. */
  dispose(): void {
    for (const life of this.#retired) life.dispose()
    this.#serving?.life.dispose()
    this.#filling?.life.dispose()
  }

  #begin(epoch: string): void {
    this.#filling?.life.release()
    this.#filling = undefined
    if (this.#serving?.life.epoch === epoch) return
    this.#serving?.life.abortResync()
    const life = new Life(epoch, this.#options)
    const { limits, clock } = this.#options
    this.#filling = { life, upkeep: new Upkeep(life, limits, clock) }
  }
}
