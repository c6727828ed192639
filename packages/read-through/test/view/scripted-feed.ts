import { type Position, type ViewFeed, type ViewFrame, Waiters } from "@headwater/core"
import { turn } from "../scripted-type.ts"

/** A subscription whose frames come when the test sends them. */
export class ScriptedFeed<Payload> implements ViewFeed<Payload> {
  readonly epoch: string
  readonly from: Position | undefined
  readonly #signal: AbortSignal
  readonly #frames: ViewFrame<Payload>[] = []
  readonly #sent = new Waiters()
  #error: Error | undefined
  #isEnded = false

  constructor(epoch: string, from: Position | undefined, signal: AbortSignal) {
    this.epoch = epoch
    this.from = from
    this.#signal = signal
  }

  /** Its iteration has ended. */
  get isEnded(): boolean {
    return this.#isEnded
  }

  send(...frames: ViewFrame<Payload>[]): Promise<void> {
    this.#frames.push(...frames)
    this.#sent.wake()
    return turn()
  }

  fail(error: Error): Promise<void> {
    this.#error = error
    this.#sent.wake()
    return turn()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ViewFrame<Payload>> {
    try {
      for (;;) {
        const frame = this.#frames.shift()
        if (frame) yield frame
        else if (this.#error) throw this.#error
        else await this.#sent.wait(this.#signal)
      }
    } finally {
      this.#isEnded = true
    }
  }
}

/** Makes feeds, and keeps them. */
export class ScriptedFeeds<Payload> {
  readonly feeds: ScriptedFeed<Payload>[] = []
  epoch = "e"
  /** The error of the next subscriptions, if they fail. */
  refusal: Error | undefined

  /** The newest. */
  get last(): ScriptedFeed<Payload> {
    return this.feeds.at(-1)!
  }

  readonly subscribe = (from: Position | undefined, signal: AbortSignal): ViewFeed<Payload> => {
    const feed = new ScriptedFeed<Payload>(this.epoch, from, signal)
    this.feeds.push(feed)
    if (this.refusal) void feed.fail(this.refusal)
    return feed
  }
}
