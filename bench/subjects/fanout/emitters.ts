import { EventEmitter } from "node:events"
import * as mitt from "mitt"
import { Subject } from "rxjs"
import type { FanOut, Payload } from "./fan-out.ts"

// Its types are written as if it were CommonJS; what is loaded is a module.
const makeMitt = mitt.default as unknown as typeof mitt.default.default

/** The control: the platform's emitter, which calls a list of functions. */
export class EmitterFanOut implements FanOut {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  subscribe(onPayload: (payload: Payload) => void): void {
    this.#emitter.on("payload", onPayload)
  }

  publish(payload: Payload): void {
    this.#emitter.emit("payload", payload)
  }

  close(): void {
    this.#emitter.removeAllListeners()
  }
}

/** mitt, an emitter of 200 bytes. */
export class MittFanOut implements FanOut {
  readonly #emitter = makeMitt<{ payload: Payload }>()

  subscribe(onPayload: (payload: Payload) => void): void {
    this.#emitter.on("payload", onPayload)
  }

  publish(payload: Payload): void {
    this.#emitter.emit("payload", payload)
  }

  close(): void {
    this.#emitter.all.clear()
  }
}

/** A `Subject` of RxJS. */
export class RxjsFanOut implements FanOut {
  readonly #subject = new Subject<Payload>()

  subscribe(onPayload: (payload: Payload) => void): void {
    this.#subject.subscribe(onPayload)
  }

  publish(payload: Payload): void {
    this.#subject.next(payload)
  }

  close(): void {
    this.#subject.complete()
  }
}
