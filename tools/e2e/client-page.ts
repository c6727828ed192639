import { type Consumer, consume } from "./client-consumer.ts"

/** The members that a test finds in the window of a page. */
export interface ConsumingWindow {
  consume: typeof consume
  consumer: Consumer
}

Object.assign(globalThis, { consume })
