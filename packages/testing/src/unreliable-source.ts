import {
  type ListPage,
  type ListRequest,
  type Revision,
  type Source,
  SourceError,
  Waiters,
  type WatchEvent,
  type WriteOutcome,
  type WriteRequest,
} from "@headwater/core"

/**
 * A source that fails when a test says so, and else is the one that it was made of.
 *
 * It tells what that source tells, or less: it never makes anything up.
 */
export class UnreliableSource implements Source {
  #source: Source
  #identity: string | undefined
  #refusing = false
  #muted = false
  readonly #unmuted = new Waiters()
  readonly #watches = new Set<AbortController>()

  constructor(source: Source) {
    this.#source = source
  }

  get name(): string {
    return this.#source.name
  }

  /** Watches that are being read. */
  get watches(): number {
    return this.#watches.size
  }

  /** Ends every watch as a lost connection does. */
  cut(): void {
    for (const watch of this.#watches) watch.abort(CUT)
  }

  /** From now on, or no longer: every call throws a `SourceError`, and watches are cut. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing
    if (refusing) this.cut()
  }

  /** From now on, or no longer: watches stay open and say nothing. */
  mute(muted: boolean): void {
    this.#muted = muted
    if (!muted) this.#unmuted.wake()
  }

  /**
   * Puts another source in the place of this one, and cuts the watches.
   *
   * @param disguised it answers with the identity of the old one, as a store that was set back.
   */
  async replaceBy(source: Source, disguised = false): Promise<void> {
    this.#identity = disguised ? await this.identity(new AbortController().signal) : undefined
    this.#source = source
    this.cut()
  }

  async identity(signal: AbortSignal): Promise<string> {
    this.#check()
    return this.#identity ?? (await this.#source.identity(signal))
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    this.#check()
    return this.#source.revision(signal)
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    this.#check()
    for await (const page of this.#source.list(request, signal)) {
      this.#check()
      yield page
    }
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    this.#check()
    const own = new AbortController()
    const onAbort = () => own.abort(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener("abort", onAbort, { once: true })
    this.#watches.add(own)
    try {
      for await (const event of this.#source.watch(from, own.signal)) {
        while (this.#muted) await this.#unmuted.wait(own.signal)
        own.signal.throwIfAborted()
        yield event
      }
    } catch (error) {
      if (error !== CUT) throw error
      yield { type: "lost", reason: "closed", error: CUT }
    } finally {
      this.#watches.delete(own)
      signal.removeEventListener("abort", onAbort)
    }
  }

  /** As the source below; it MUST be writable. */
  async write(request: WriteRequest, signal: AbortSignal): Promise<WriteOutcome> {
    this.#check()
    if (this.#source.write === undefined) throw new SourceError(`${this.name} is read-only`)
    return this.#source.write(request, signal)
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  #check(): void {
    if (this.#refusing) throw new SourceError("the source refuses, as it was told to")
  }
}

const CUT = new SourceError("the connection was cut, as it was told to be")
