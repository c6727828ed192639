import { assert } from "@headwater/core"

/** Samples over the history: the horizon moves in steps of 1/256 of it. */
const SAMPLES_MAX = 256

/** A version, and the newest of those after it that were made within a step. */
interface Sample {
  readonly time: number
  readonly version: number
  untilTime: number
  untilVersion: number
}

/**
 * Turns an age into a version: the newest one that is at least `historyMs` old.
 *
 * Samples (time, version) are kept at steps of `historyMs / 256`, so the bound is that many
 * samples, and history is kept for `historyMs` to `historyMs` and one step. Time is passed in.
 */
export class VersionAges {
  readonly #historyMs: number
  #samples: Sample[] = []

  constructor(historyMs: number) {
    assert(historyMs >= 0, "history is not negative")
    this.#historyMs = historyMs
  }

  /** Notes that `version` is the newest at `time`, in ms of a clock that never goes back. */
  sample(time: number, version: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && time - last.time < this.#historyMs / SAMPLES_MAX) {
      last.untilTime = time
      last.untilVersion = version
    } else this.#samples.push({ time, version, untilTime: time, untilVersion: version })
  }

  /** Returns the horizon by age; 0 when no sample is old enough. Drops the samples it passes. */
  horizonAt(time: number): number {
    let passed = -1
    while (passed + 1 < this.#samples.length) {
      const sample = this.#samples[passed + 1]
      if (sample === undefined || sample.time > time - this.#historyMs) break
      passed++
    }
    if (passed < 0) return 0
    // The sample that was passed last stays: it is the horizon until the next one is old enough.
    this.#samples.splice(0, passed)
    return this.#samples[0]?.version ?? 0
  }

  /**
   * The time from the first version after `version` to the newest one, in ms: the lag of a reader
   * that stands at `version`. Too short by up to a step. 0 when no version came after it.
   */
  lagMs(version: number): number {
    const next = this.#samples.find(({ untilVersion }) => untilVersion > version)
    const newest = this.#samples.at(-1)
    if (next === undefined || newest === undefined) return 0
    return newest.untilTime - (next.version > version ? next.time : next.untilTime)
  }

  /** Samples held now: at most 258, and fewer when little changes. */
  get samples(): number {
    return this.#samples.length
  }
}
