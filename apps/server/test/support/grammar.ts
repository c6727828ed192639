import type { Frame } from "@headwater/protocol"

type State = "opening" | "begun" | "catching-up" | "status-due" | "live" | "run" | "ended"

/**
 * Recognises the streams of the protocol, frame by frame:
 *
 *   stream  = status* hello (resume | fresh) live*
 *   fresh   = reset? (snapshot | delta°)* sync status      delta°: partial, without id
 *   resume  = delta°* sync status
 *   live    = delta | delta°+ (delta | sync) | status | sync | refresh
 *   refresh = reset (snapshot | delta°)* sync status
 *
 * A `reset` may also stand where a reader that is catching up begins again. `goodbye` and `fault`
 * end a stream anywhere.
 */
export class Grammar {
  #state: State = "opening"
  #isFresh = false
  #id: { readonly epoch: string; readonly revision: number } | undefined

  /** Whether a last frame was heard. */
  get ended(): boolean {
    return this.#state === "ended"
  }

  /** @throws {Error} a frame that may not stand here. */
  hear(frame: Frame): void {
    const before = this.#state
    const after = this.#after(frame)
    if (after === undefined)
      throw new Error(`${frame.type} after ${before}: ${JSON.stringify(frame)}`)
    this.#state = after
    if ("id" in frame && frame.id !== undefined) this.#hearId(frame.id)
  }

  #after(frame: Frame): State | undefined {
    const state = this.#state
    if (state === "ended") return undefined
    if (frame.type === "goodbye" || frame.type === "fault") return "ended"
    if (state === "opening") {
      if (frame.type === "status") return frame.report.status === "waiting" ? state : undefined
      if (frame.type !== "hello") return undefined
      this.#isFresh = !frame.resumed
      return "begun"
    }
    if (frame.type === "reset") {
      this.#isFresh = true
      return "catching-up"
    }
    if (state === "status-due") return frame.type === "status" ? "live" : undefined
    if (state === "live" || state === "run") {
      if (frame.type === "delta") return frame.id === undefined ? "run" : "live"
      if (frame.type === "sync") return "live"
      return frame.type === "status" && state === "live" ? "live" : undefined
    }
    if (frame.type === "snapshot") return this.#isFresh ? "catching-up" : undefined
    if (frame.type === "delta") return frame.id === undefined ? "catching-up" : undefined
    return frame.type === "sync" ? "status-due" : undefined
  }

  #hearId(id: string): void {
    const [epoch = "", revision = ""] = id.split(".")
    const next = { epoch, revision: Number(revision) }
    const isBack = this.#id?.epoch === epoch && next.revision < this.#id.revision
    if (isBack && next.revision !== 0) throw new Error(`the id went back to ${id}`)
    this.#id = next
  }
}
