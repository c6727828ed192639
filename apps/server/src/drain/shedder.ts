import type { Clock } from "@headwater/core"
import type { OpenStream, OpenStreams } from "../event-stream/open-streams.ts"
import type { HubLimits } from "../limits.ts"
import type { Log } from "../log.ts"
import { STAY_MS_MIN, sampleOf, shedCount } from "./shedding.ts"

/** Time between two looks, in ms; each differs by up to a tenth, so that hubs do not act as one. */
const LOOK_MS = 1_000
const JITTER_MS = 200

/** The parts of a hub that shedding uses. */
export interface ShedContext {
  readonly clock: Clock
  readonly streams: OpenStreams
  readonly limits: Pick<HubLimits, "readersCeiling">
  readonly random: () => number
  readonly log: Log
}

/**
 * Sends readers away while the hub has more than its ceiling: acts out what `shedding.ts` decides.
 * It looks once a second, and only while there are too many.
 */
export class Shedder {
  readonly #context: ShedContext
  #cancelLook: (() => void) | undefined
  #isClosed = false

  constructor(context: ShedContext) {
    this.#context = context
    context.streams.onReader(() => this.#wake())
  }

  /** Stops shedding. */
  close(): void {
    this.#isClosed = true
    this.#cancelLook?.()
    this.#cancelLook = undefined
  }

  #wake(): void {
    const { clock, streams, limits, random } = this.#context
    const { readersCeiling: ceiling } = limits
    if (this.#cancelLook !== undefined || this.#isClosed) return
    if (ceiling === 0 || streams.readers <= ceiling) return
    const lookMs = LOOK_MS + (random() - 0.5) * JITTER_MS
    this.#cancelLook = clock.after(lookMs, () => {
      this.#cancelLook = undefined
      this.#look()
      this.#wake()
    })
  }

  #look(): void {
    const { streams, limits, random, log } = this.#context
    const { readersCeiling: ceiling } = limits
    if (streams.isClosing) {
      this.close()
      return
    }
    const { readers } = streams
    const count = shedCount(readers, ceiling, random())
    if (count === 0) return
    const shed = sampleOf(this.#candidates(), count, random)
    if (shed.length > 0) log("shedding readers: there are more than the ceiling", { ceiling })
    for (const reader of shed) streams.dismiss(reader, "rebalancing")
  }

  // Those that hold a state, take what they are sent, and have been here for a while.
  *#candidates(): Generator<OpenStream> {
    const { clock, streams } = this.#context
    const until = clock.elapsed() - STAY_MS_MIN
    for (const [, reader] of streams.readersAfter(0)) {
      const isSettled = reader.stage === "following" && reader.stalledSince === undefined
      if (isSettled && reader.openedAt <= until) yield reader
    }
  }
}
