import { systemClock as clock } from "@headwater/core"
import { EventPublisher, type Subscription } from "@headwater/stream"
import type { FanOut, Payload } from "./fan-out.ts"

/** Subscriptions of one topic, each followed by a loop of its own. */
export class HeadwaterFanOut implements FanOut {
  readonly #publisher = new EventPublisher<Payload>({ clock })
  #revision = 0

  constructor() {
    this.#publisher.register("t")
  }

  subscribe(onPayload: (payload: Payload) => void): void {
    void follow(this.#publisher.subscribe({ topic: "t" }), onPayload)
  }

  publish(payload: Payload): void {
    this.#publisher.publish([{ topic: "t", subject: "", revision: ++this.#revision, payload }])
  }

  close(): void {
    this.#publisher.close()
  }
}

async function follow(
  subscription: Subscription<Payload>,
  onPayload: (payload: Payload) => void,
): Promise<void> {
  try {
    for (;;) {
      const frame = await subscription.next()
      if (frame.type === "reset") throw new Error("it was conflated")
      if (frame.type === "events") for (const { payload } of frame.events) onPayload(payload)
    }
  } catch (error) {
    if (subscription.closed === undefined) throw error
  }
}
