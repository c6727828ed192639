import type { TurnScheduler } from "../../fan-out/turn-scheduler.ts"
import type { FrameSource, Sink } from "../event-stream.ts"
import { GZIP_HEAD, GzipSum, pack, packedOf, STORED_BYTES_MAX } from "./packed.ts"

/**
 * The frames of another source in gzip, without a compressor for each connection: an event is
 * deflated once for all its readers, into blocks that can stand anywhere. Each stream is a head,
 * such blocks, and a tail with their sums. Each event can be read as soon as it has come.
 *
 * Costs two numbers a stream, and the sum of two CRCs for each event and reader.
 */
export class GzipSource implements FrameSource {
  readonly #source: FrameSource
  readonly #turns: TurnScheduler
  readonly #sum = new GzipSum()

  constructor(source: FrameSource, turns: TurnScheduler) {
    this.#source = source
    this.#turns = turns
  }

  opening(event: Uint8Array): Uint8Array {
    const packed = this.#sum.add(pack(event))
    const opening = new Uint8Array(GZIP_HEAD.byteLength + packed.byteLength)
    opening.set(GZIP_HEAD)
    opening.set(packed, GZIP_HEAD.byteLength)
    return opening
  }

  async *frames(): AsyncGenerator<Uint8Array, void> {
    for await (const event of this.#source.frames()) {
      const isShort = event.byteLength <= STORED_BYTES_MAX
      const packed = packedOf(event) ?? (isShort ? pack(event) : await this.#inTurn(event))
      yield this.#sum.add(packed)
    }
    yield this.#sum.tail()
  }

  attach(sink: Sink): void {
    this.#source.attach({
      get isClear() {
        return sink.isClear
      },
      // In this turn, whatever it costs: turns bound how many frames are new.
      write: (event) => sink.write(this.#sum.add(pack(event))),
    })
  }

  leave(): void {
    this.#source.leave()
  }

  onCut(cut: () => void): void {
    this.#source.onCut(cut)
  }

  #inTurn(event: Uint8Array) {
    return this.#turns.run(() => pack(event))
  }
}
