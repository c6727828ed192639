import type { Amount, Held } from "./keyed-map.ts"

const FRAME_CHARACTERS = 65_536
const utf8 = new TextEncoder()
const text = new TextDecoder()

/**
 * Writes entries as comma-joined JSON objects into frames: the least code that makes a hub's bytes
 * of a JavaScript map. Values are JSON bytes and go inline.
 */
export class FrameWriter {
  #entries = 0
  #bytes = 0
  #frame = ""

  /** Adds an entry whose value is held as bytes. */
  add(key: string, held: Held): void {
    const value = text.decode(held.value)
    this.addText(`{"key":${JSON.stringify(key)},"value":${value},"revision":${held.revision}}`)
  }

  /** Adds an entry that is JSON already. */
  addText(json: string): void {
    this.#entries++
    this.#frame = this.#frame === "" ? json : `${this.#frame},${json}`
    if (this.#frame.length >= FRAME_CHARACTERS) this.#flush()
  }

  /** Ends the last frame, and returns the bytes written, commas between entries included. */
  end(): Amount {
    if (this.#frame !== "") this.#flush()
    return { entries: this.#entries, bytes: this.#bytes }
  }

  #flush(): void {
    const frame = utf8.encode(this.#frame)
    this.#bytes += frame.byteLength
    this.#frame = ""
  }
}
