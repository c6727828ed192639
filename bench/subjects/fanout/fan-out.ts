/** Hands one payload to many, in one process, as one of the subjects does it. */
export interface FanOut {
  /**
   * Subscribes one more. `onPayload` is called with each payload that is published from here on, in
   * their order; at once, or in a later turn.
   */
  subscribe(onPayload: (payload: Payload) => void): void
  publish(payload: Payload): void
  close(): void
}

/** A published event: a small object, as an application has. */
export interface Payload {
  readonly serial: number
  readonly name: string
  readonly isOn: boolean
}
