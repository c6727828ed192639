import { encodeUtf8 } from "@headwater/core"
import { COMMENT } from "@headwater/protocol"
import { AutoResetEvent } from "./auto-reset-event.ts"
import type { FrameSource, Sink } from "./event-stream.ts"

/** One view of a multiplexed stream. */
export interface Lane {
  /** Its place in the request. */
  readonly n: number
  readonly topic: string
  /** The name of its view: 8 hex digits, or `""`. */
  readonly view: string
  readonly source: FrameSource
}

/**
 * Several streams on one connection: each event names its view, and has its id in the data.
 *
 * Each lane makes its next frame when the connection asks for one, and holds at most that one. So a
 * large view does not delay a small one by more than a frame, and nothing is queued for a client
 * that does not read. A lane ends by its own `goodbye` or `fault`; the stream, with its last lane.
 */
export class Multiplexer implements FrameSource {
  readonly #lanes: readonly RunningLane[]
  /** Lanes whose next frame is there, in order. */
  readonly #ready: RunningLane[] = []
  readonly #news = new AutoResetEvent()
  #hasLeft = false

  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes.map((lane) => new RunningLane(lane))
  }

  attach(sink: Sink): void {
    for (const lane of this.#lanes) {
      const isFree = () => sink.isClear && this.#ready.length === 0 && lane.isPulled
      lane.source.attach({
        get isClear() {
          return isFree()
        },
        write: (event) => sink.write(labelled(lane, event)),
      })
    }
  }

  async *frames(): AsyncGenerator<Uint8Array, void> {
    let open = this.#lanes.length
    try {
      for (const lane of this.#lanes) this.#pull(lane)
      while (open > 0 && !this.#hasLeft) {
        const lane = this.#ready.shift()
        if (lane === undefined) {
          await this.#news.wait()
          continue
        }
        const event = lane.take()
        if (event === undefined) {
          open -= 1
          continue
        }
        // The heartbeat of any view is one of the connection.
        yield isComment(event) ? COMMENT : labelled(lane, event)
        this.#pull(lane)
      }
    } finally {
      for (const lane of this.#lanes) lane.close()
    }
  }

  leave(): void {
    this.#hasLeft = true
    for (const { source } of this.#lanes) source.leave()
    this.#news.ring()
  }

  onCut(cut: () => void): void {
    for (const { source } of this.#lanes) source.onCut(cut)
  }

  #pull(lane: RunningLane): void {
    lane.pull(() => {
      this.#ready.push(lane)
      this.#news.ring()
    })
  }
}

/** The next frame of a lane, `undefined` after the last; or the error of making it. */
type FrameResult = { readonly event: Uint8Array | undefined } | { readonly error: unknown }

/** A lane whose frames are being made. */
class RunningLane {
  readonly source: FrameSource
  /** The beginning of the data of each of its events. */
  readonly head: string
  isPulled = false
  #frames: AsyncGenerator<Uint8Array, void> | undefined
  #result: FrameResult | undefined

  constructor({ n, topic, view, source }: Lane) {
    this.source = source
    this.head = `{"n":${n},"topic":${JSON.stringify(topic)},"view":"${view}"`
  }

  /** Asks for the next frame. */
  pull(onReady: () => void): void {
    this.#frames ??= this.source.frames()
    this.isPulled = true
    const settle = (result: FrameResult) => {
      this.isPulled = false
      this.#result = result
      onReady()
    }
    this.#frames.next().then(
      ({ done, value }) => settle({ event: done ? undefined : value }),
      (error) => settle({ error }),
    )
  }

  /** Takes the frame that is there; `undefined` after the last. Throws what making it threw. */
  take(): Uint8Array | undefined {
    const result = this.#result!
    this.#result = undefined
    if ("error" in result) throw result.error
    return result.event
  }

  /** Ends it, wherever it is. */
  close(): void {
    this.source.leave()
    this.#frames?.return().catch(() => {}) // It was left: nothing of it is awaited any more.
  }
}

const COLON = 0x3a

function isComment(event: Uint8Array): boolean {
  return event[0] === COLON
}

// The lines before `data:` are ASCII, and shorter than this: a name, an id, a delay.
const HEAD_BYTES_MAX = 256

/** The same event under the name of its view, its id in the data. */
function labelled({ head }: RunningLane, event: Uint8Array): Uint8Array {
  const start = String.fromCharCode(...event.subarray(0, HEAD_BYTES_MAX))
  const [lines, type, id] = /^event: (.+)\n(?:id: (.+)\n)?(?:retry: .+\n)?data: /.exec(start)!
  const named = id === undefined ? head : `${head},"id":"${id}"`
  const before = encodeUtf8(`event: ${type}\ndata: ${named},"data":`)
  const data = event.subarray(lines.length, -2)
  const bytes = new Uint8Array(before.byteLength + data.byteLength + 3)
  bytes.set(before)
  bytes.set(data, before.byteLength)
  bytes.set(END, before.byteLength + data.byteLength)
  return bytes
}

const END = encodeUtf8("}\n\n")
