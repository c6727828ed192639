import { ServerResponse } from "node:http"
import type { Http2ServerResponse } from "node:http2"

/** Bounds of the interval at which answers are looked at, in ms. */
const SWEEP_MS_MIN = 50
const SWEEP_MS_MAX = 10_000

/** An answer of HTTP/1.1 or HTTP/2. */
type WatchedAnswer = ServerResponse | Http2ServerResponse

interface Progress {
  /** Bytes that wait for the client, and those that were handed over before. */
  waiting: number
  written: number
  /** When these were seen first. */
  since: number
}

/**
 * Ends answers whose client takes no byte: such a list, or such a value, would hold its memory and
 * its connection for ever. Event streams are among them, though the hub itself ends those first.
 */
export class StalledAnswers {
  readonly #stalledMs: number
  readonly #open = new Map<WatchedAnswer, Progress | undefined>()
  #timer: ReturnType<typeof setInterval> | undefined

  /** `stalledMs`: an answer that makes no progress for so long ends; `Infinity` for never. */
  constructor(stalledMs: number) {
    this.#stalledMs = stalledMs
  }

  /** Looks after an answer until it ends. */
  watch(answer: WatchedAnswer): void {
    this.#open.set(answer, undefined)
    answer.once("close", () => this.#forget(answer))
    if (this.#timer !== undefined || !Number.isFinite(this.#stalledMs)) return
    const interval = Math.max(SWEEP_MS_MIN, Math.min(SWEEP_MS_MAX, this.#stalledMs / 4))
    this.#timer = setInterval(() => this.#sweep(), interval)
    this.#timer.unref?.()
  }

  #forget(answer: WatchedAnswer): void {
    this.#open.delete(answer)
    if (this.#open.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #sweep(): void {
    const now = performance.now()
    for (const [answer, before] of this.#open) {
      const progress = progressOf(answer, now)
      if (progress === undefined || !isSame(progress, before)) this.#open.set(answer, progress)
      else if (now - before!.since >= this.#stalledMs) end(answer)
    }
  }
}

function progressOf(answer: WatchedAnswer, since: number): Progress | undefined {
  const writable = answer instanceof ServerResponse ? answer.socket : answer.stream
  // A stream of HTTP/2 does not count its bytes; those that wait change with each piece.
  const written = writable !== null && "bytesWritten" in writable ? writable.bytesWritten : 0
  const waiting = writable?.writableLength ?? 0
  return waiting === 0 ? undefined : { waiting, written, since }
}

function isSame(now: Progress, before: Progress | undefined): boolean {
  return now.waiting === before?.waiting && now.written === before.written
}

function end(answer: WatchedAnswer): void {
  if (answer instanceof ServerResponse) answer.socket?.destroy()
  else answer.stream.destroy()
}
