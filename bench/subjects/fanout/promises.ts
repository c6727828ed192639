import type { FanOut, Payload } from "./fan-out.ts"

interface Link {
  readonly next: Promise<{ readonly payload: Payload; readonly link: Link } | undefined>
}

/**
 * A linked list of promises: the least code by which each subscriber reads at its own pace, misses
 * nothing, and the publisher does not wait for it. Its unread events have no bound.
 */
export class PromisesFanOut implements FanOut {
  #newest: Link
  #resolve: (next: { payload: Payload; link: Link } | undefined) => void = () => {}

  constructor() {
    this.#newest = this.#link()
  }

  subscribe(onPayload: (payload: Payload) => void): void {
    void follow(this.#newest, onPayload)
  }

  publish(payload: Payload): void {
    const resolve = this.#resolve
    const link = this.#link()
    this.#newest = link
    resolve({ payload, link })
  }

  close(): void {
    this.#resolve(undefined)
  }

  #link(): Link {
    return {
      next: new Promise((resolve) => {
        this.#resolve = resolve
      }),
    }
  }
}

async function follow(from: Link, onPayload: (payload: Payload) => void): Promise<void> {
  for (let next = await from.next; next !== undefined; next = await next.link.next) {
    onPayload(next.payload)
  }
}
