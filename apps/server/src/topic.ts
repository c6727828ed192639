import { type CacheLimits, SnapshotCache } from "@headwater/cache"
import type { Clock, Position, Revision, Source } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import { Syncer } from "@headwater/syncer"
import type { Bugs } from "./bugs.ts"
import { NotReadyError } from "./errors.ts"
import type { Drain } from "./event-stream/drain.ts"
import { Reader } from "./event-stream/reader.ts"
import type { ReaderRequest } from "./event-stream/reader-request.ts"
import type { Crowd } from "./fan-out/crowd.ts"
import { FanOut } from "./fan-out/fan-out.ts"
import type { Turns } from "./fan-out/turns.ts"
import type { HubLimits } from "./limits.ts"
import type { Log } from "./log.ts"
import { Pages } from "./pages.ts"
import { reasonAgainst, VALIDATOR } from "./values.ts"

/** A topic of a hub: its name, its source, and the kind of its values. */
export interface TopicOptions {
  /** `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. */
  readonly name: string
  /** Taken over: closed with the hub. */
  readonly source: Source
  /** `json` unless said otherwise. */
  readonly values?: ValueKind
  /** Bounds of the cache, such as how long positions can be resumed from. */
  readonly cache?: Partial<CacheLimits>
}

/** What topics of one hub share. */
export interface TopicHost {
  readonly clock: Clock
  readonly random: () => number
  readonly limits: HubLimits
  readonly turns: Turns
  readonly crowd: Crowd
  readonly drain: Drain
  readonly log: Log
  readonly bugs: Bugs
}

/**
 * One topic of a hub: a source, the syncer that reads it, the cache that holds it, and the fan-out
 * that carries it to readers. Runs until it is closed.
 */
export class Topic {
  readonly name: string
  readonly values: ValueKind
  readonly source: Source
  readonly cache: SnapshotCache
  readonly fanOut: FanOut
  /** Lists that were told in part. */
  readonly pages: Pages
  readonly #host: TopicHost
  readonly #syncer: Syncer
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>
  #wasInSync = false

  constructor(options: TopicOptions, host: TopicHost) {
    const { clock, random, limits, turns } = host
    this.name = options.name
    this.values = options.values ?? "json"
    this.source = options.source
    this.#host = host
    const { values } = this
    // What another hub shows was screened there, and is shown here as it is, under its epoch.
    const screen = this.source.namesEpochs
      ? { limits: { ...options.cache, valueBytesMax: Number.POSITIVE_INFINITY } }
      : {
          limits: { ...options.cache, valueBytesMax: limits.valueBytesMax },
          validate: (_key: string, value: Uint8Array) => reasonAgainst(values, value),
        }
    this.cache = new SnapshotCache({ clock, ...screen })
    this.#syncer = new Syncer({
      source: this.source,
      cache: this.cache,
      clock,
      random,
      // The identity of a source names its prefix; these are what else decides what is shown.
      epochSalt: `${values} ${VALIDATOR} ${limits.valueBytesMax}`,
      log: (line, fields) => host.log(`topic ${this.name}: ${line}`, fields),
    })
    this.fanOut = new FanOut({ cache: this.cache, values, clock, limits, turns })
    this.pages = new Pages(this.fanOut.leases, limits)
    const { signal } = this.#stop
    this.#running = Promise.all([
      this.#guard("the syncer", this.#syncer.run(signal)),
      this.#guard("the fan-out", this.fanOut.run(signal)),
      this.#guard("the status", this.#watchStatus(signal)),
    ])
  }

  /** Whether the source can be written through this topic. */
  get writable(): boolean {
    return this.source.write !== undefined
  }

  /** Whether the topic has been in sync since the hub started. */
  get wasInSync(): boolean {
    return this.#wasInSync
  }

  /**
   * The position of the topic's present state.
   *
   * @throws {NotReadyError} the source has not been read once yet.
   */
  position(): Position {
    const { position, report, wasInSync } = this.cache
    if (position !== undefined && wasInSync) return position
    const { status } = report
    throw new NotReadyError(`topic ${this.name} was not read yet (status ${status}): retry later`)
  }

  /** Asks the source whether it has reached a revision; see `Syncer.revisionAtLeast`. */
  isAtLeast(revision: Revision, signal: AbortSignal): Promise<boolean> {
    return this.#syncer.revisionAtLeast(revision, signal)
  }

  /** Makes who follows this topic for one connection. */
  reader(request: ReaderRequest): Reader {
    const { crowd, drain, random, log, bugs } = this.#host
    return new Reader(
      {
        topic: this.name,
        fanOut: this.fanOut,
        crowd,
        drain,
        random,
        log,
        bugs,
        isAtLeast: (revision, signal) => this.isAtLeast(revision, signal),
      },
      request,
    )
  }

  /** Stops, and frees everything. End the streams before. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("the topic is closed"))
    await this.#running
    await this.cache.close()
    await this.source.close()
  }

  async #watchStatus(signal: AbortSignal): Promise<void> {
    const { changes } = this.cache
    let invalid = 0
    for (;;) {
      const { report } = this.cache
      if (report.status === "in-sync") this.#wasInSync = true
      if (report.invalid > 0 && invalid === 0) this.#warnOfInvalid(report.invalid)
      invalid = report.invalid
      await changes.wait(signal)
    }
  }

  #warnOfInvalid(invalid: number): void {
    const [first] = this.cache.invalidSample
    const example =
      first === undefined ? "" : `, such as ${JSON.stringify(first.key)}: ${first.reason}`
    this.#host.log(
      `topic ${this.name}: ${invalid} entries are not shown, as they are not valid ${this.values}` +
        `${example}; the option ?values=json|text|binary says what values are`,
    )
  }

  // What ends other than by our own signal is a bug, of which readers must not learn the text.
  async #guard(what: string, running: Promise<unknown>): Promise<void> {
    try {
      await running
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#host.bugs.report(`${what} failed`, error, { topic: this.name })
      }
    }
  }
}
