import { encodeDeltaFrame } from "@headwater/protocol"

const utf8 = new TextEncoder()

/** The form of a hub's epochs. */
const EPOCH = "0123456789abcdefghijkl"

/** A commit as a hub sends it. */
export interface Delta {
  readonly id: string
  /** JSON of the event's data. */
  readonly data: string
}

/** A request that writes: `PUT` of one value by `?key=`, or `POST` of a batch. */
export interface WriteRequest {
  readonly method: string
  readonly url: string
  readonly body: string
}

/** Commits as a hub would write them: the same bytes but for the letters of its epoch. */
export class DeltaFrames {
  #revision = 1

  /** The next one: what a request has written. */
  next(request: WriteRequest): Delta {
    const { revision, changes, id } = this.#read(request)
    return { id, data: `{"revision":${revision},"changes":[${changes}]}` }
  }

  /** The same as a whole event. */
  nextFrame(request: WriteRequest): Uint8Array {
    const { revision, changes, id } = this.#read(request)
    return encodeDeltaFrame(utf8.encode(changes), revision, id)
  }

  #read(request: WriteRequest): { revision: number; changes: string; id: string } {
    const revision = ++this.#revision
    const changes = writesOf(request).map(
      ([key, value]) =>
        `{"op":"put","key":${JSON.stringify(key)},"value":${value},"revision":${revision}}`,
    )
    return { revision, changes: changes.join(","), id: `${EPOCH}.${revision}` }
  }
}

function writesOf({ method, url, body }: WriteRequest): (readonly [key: string, value: string])[] {
  if (method === "PUT") {
    return [[new URL(url, "http://127.0.0.1").searchParams.get("key") ?? "", body]]
  }
  const { changes } = JSON.parse(body) as { changes: { key: string; value: unknown }[] }
  return changes.map(({ key, value }) => [key, JSON.stringify(value)])
}
