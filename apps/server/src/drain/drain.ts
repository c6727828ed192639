import type { Clock } from "@headwater/core"
import type { OpenStream, OpenStreams } from "../event-stream/open-streams.ts"
import type { Log } from "../log.ts"
import type { HubObserver } from "../observe/hub-observer.ts"
import {
  type DrainPhase,
  type DrainPlan,
  type DrainState,
  type DrainStep,
  drainStep,
  orderDrain,
  SERVING,
} from "./drain-state.ts"

/** Times of a drain where none are given: with the rest of a stop, it takes less than 3 s. */
const DRAIN_PLAN: DrainPlan = { delayMs: 0, timeMs: 2_000 }

/** A drain as of now. */
export interface DrainReport {
  readonly phase: DrainPhase
  readonly delayMs: number
  readonly timeMs: number
  /** When it was ordered, and when the last reader leaves at the latest; RFC 3339. */
  readonly began: string
  readonly endsBy: string
  /** Readers and waiting answers that are still here. */
  readonly open: number
  /** Those that have been told to leave. */
  readonly told: number
}

/** The parts of a hub that a drain uses. */
export interface DrainContext {
  readonly clock: Clock
  readonly streams: OpenStreams
  /** Absent where other hubs are not known of: readers then wait longer before they return. */
  readonly plan: Partial<DrainPlan> | undefined
  readonly log: Log
  readonly observer: Pick<HubObserver, "onDrain">
}

/**
 * Brings the readers of a hub to other hubs: acts out what `drain-state.ts` decides.
 *
 * From its order on the hub is not ready. It serves on for a while, then tells its readers to
 * leave, one after another, and takes no new ones; at the end it cuts those that have not gone. A
 * reader that is sent a snapshot is told late, so that it may receive the whole. Requests that are
 * no streams are answered all the time.
 */
export class Drain {
  readonly #context: DrainContext
  readonly #plan: DrainPlan
  /** True where other hubs take the readers at once. */
  readonly #isMoving: boolean
  readonly #ended: Promise<void>
  #end: () => void = () => {}
  #state: DrainState = SERVING
  #began = 0
  #queue: IterableIterator<OpenStream> = [].values()
  #cancelLook: (() => void) | undefined

  constructor(context: DrainContext) {
    this.#context = context
    this.#plan = { ...DRAIN_PLAN, ...context.plan }
    this.#isMoving = context.plan !== undefined
    this.#ended = new Promise((resolve) => {
      this.#end = resolve
    })
  }

  /** The phase; any but `serving` makes the hub unready. */
  get phase(): DrainPhase {
    return this.#state.phase
  }

  /** Time until the last reader is cut, in ms, at the most; the drain must have begun. */
  get leftMs(): number {
    const { delayMs, timeMs } = this.#plan
    const { phase, since } = this.#state
    const endMs = phase === "waiting" ? delayMs + timeMs : timeMs
    return phase === "over" ? 0 : Math.max(0, since + endMs - this.#context.clock.elapsed())
  }

  /** Resolves when the drain is over. */
  get ended(): Promise<void> {
    return this.#ended
  }

  /** Begins. A second call changes nothing. Returns the drain as of now. */
  begin(): DrainReport {
    const { clock, streams, log, observer } = this.#context
    if (this.#state.phase === "serving") {
      const { delayMs, timeMs } = this.#plan
      this.#state = orderDrain(this.#state, clock.elapsed())
      this.#began = clock.now()
      log("draining: readyz answers 503, and readers are told to leave", {
        streams: streams.size,
        delayMs,
        timeMs,
      })
      observer.onDrain?.({ state: "begun", streams: streams.size })
      this.#look()
    }
    return this.report()
  }

  /** The drain as of now; it must have begun. */
  report(): DrainReport {
    const { clock } = this.#context
    const { phase, since, told } = this.#state
    const toEndMs = phase === "over" ? since - clock.elapsed() : this.leftMs
    return {
      phase,
      ...this.#plan,
      began: new Date(this.#began).toISOString(),
      endsBy: new Date(clock.now() + toEndMs).toISOString(),
      open: this.#context.streams.size,
      told,
    }
  }

  /** Stops telling readers: the hub ends all of them. */
  close(): void {
    this.#cancelLook?.()
    this.#cancelLook = undefined
    this.#end()
  }

  #look(): void {
    const { clock, streams } = this.#context
    const facts = { now: clock.elapsed(), open: streams.size }
    const before = this.#state.phase
    const step = drainStep(this.#state, this.#plan, facts)
    this.#state = step.state
    if (before !== "leaving" && step.state.phase !== "waiting") this.#beginToLeave()
    this.#act(step)
  }

  #beginToLeave(): void {
    const { streams } = this.#context
    streams.refuse("this hub is draining: reconnect, to reach another one", this.#isMoving)
    const all = streams.all
    this.#queue = [...all.filter(isWhole), ...all.filter((stream) => !isWhole(stream))].values()
  }

  #act({ state, tell, cut, lookMs }: DrainStep): void {
    const { clock, streams, log, observer } = this.#context
    for (let left = tell; left > 0; ) {
      const { done, value: stream } = this.#queue.next()
      if (done) break
      // One that left by itself makes room in the schedule.
      if (!streams.has(stream)) continue
      stream.goodbye("draining")
      left -= 1
    }
    if (state.phase === "over") {
      if (cut && streams.size > 0) {
        log("draining: cut streams that did not end in time", { streams: streams.size })
        streams.cutAll()
      }
      observer.onDrain?.({ state: "ended", streams: streams.size })
      this.#end()
    }
    this.#cancelLook = lookMs === undefined ? undefined : clock.after(lookMs, () => this.#look())
  }
}

// True if a goodbye interrupts no snapshot, nor what the reader missed.
function isWhole({ stage }: OpenStream): boolean {
  return stage !== "waiting" && stage !== "catching-up"
}
