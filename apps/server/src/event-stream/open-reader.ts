import type { ReaderPolicy } from "../observe/hub-observer.ts"
import type { ReaderPhase } from "./reader-state.ts"

/** A reader whose stream is open, as metrics see it. Each property is read in about 100 ns. */
export interface OpenReader {
  readonly policy: ReaderPolicy
  readonly phase: ReaderPhase
  /** When its stream began, and since when it has taken nothing, by `Clock.elapsed`. */
  readonly openedAt: number
  readonly stalledSince: number | undefined
  /** Frames that it was sent, comments included, and their bytes before compression. */
  readonly framesSent: number
  readonly bytesSent: number
  /** Distance to the state that is served, once it holds all: 0 at the newest. */
  readonly lagRevisions: number
  readonly lagMs: number
  /** Adds what it was sent since the last call to the totals of its topic. */
  noteSent(): void
}

/** The readers of one topic whose streams are open, and the totals of all there were. */
export class OpenReaders {
  /** Frames and bytes, as of the last `noteSent` of each reader. They only grow. */
  framesSent = 0
  bytesSent = 0
  readonly #readers = new Set<OpenReader>()

  /** Adds a reader. Returns what takes it out again. */
  add(reader: OpenReader): () => void {
    this.#readers.add(reader)
    return () => {
      this.#readers.delete(reader)
    }
  }

  /** Iterates over the readers; one that joins or leaves meanwhile may be seen or not. */
  [Symbol.iterator](): Iterator<OpenReader> {
    return this.#readers.values()
  }
}
