import { encodeDeltaFrame } from "@headwater/protocol"

const utf8 = new TextEncoder()

/** What a hub's epochs look like. */
const EPOCH = "0123456789abcdefghijkl"

/** A change as a hub would write it: the same bytes but for the letters of its epoch. */
export class DeltaFrames {
  #revision = 1

  /** The next one: that a key has this value now. */
  next(key: string, value: string): { revision: number; body: string; id: string } {
    const revision = ++this.#revision
    const entry = `"key":${JSON.stringify(key)},"value":${value},"revision":${revision}`
    return { revision, body: `{"op":"put",${entry}}`, id: `${EPOCH}.${revision}` }
  }

  /** The same as a whole event. */
  nextFrame(key: string, value: string): Uint8Array {
    const { revision, body, id } = this.next(key, value)
    return encodeDeltaFrame(utf8.encode(body), revision, id)
  }
}

/** The key of a write. */
export function keyOf(url: string): string {
  return new URL(url, "http://127.0.0.1").searchParams.get("key") ?? ""
}
