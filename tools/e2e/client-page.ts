import { type Consumer, consume } from "./client-consumer.ts"

// What a page runs: the test calls it through the window.
declare global {
  interface Window {
    consume: typeof consume
    consumer: Consumer
  }
}

window.consume = consume
