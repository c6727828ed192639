import { type CacheLimits, SnapshotCache } from "@headwater/cache"
import type { Clock, Position, Revision, Source } from "@headwater/core"
import type { ValueKind } from "@headwater/protocol"
import { Syncer } from "@headwater/syncer"
import type { Bugs } from "./bugs.ts"
import { Continuations } from "./continuations.ts"
import { NotReadyError } from "./errors.ts"
import { OpenReaders } from "./event-stream/open-reader.ts"
import type { OpenStreams } from "./event-stream/open-streams.ts"
import { Reader } from "./event-stream/reader.ts"
import type { ReaderRequest } from "./event-stream/reader-request.ts"
import { FanOut } from "./fan-out/fan-out.ts"
import type { TurnScheduler } from "./fan-out/turn-scheduler.ts"
import type { WalkLimiter } from "./fan-out/walk-limiter.ts"
import type { HubLimits } from "./limits.ts"
import { type Log, rareLog } from "./log.ts"
import type { HubObserver } from "./observe/hub-observer.ts"
import { cacheObserver, syncerObserver } from "./observe/source-observers.ts"
import { reasonAgainst, VALIDATOR } from "./values.ts"
import { WriteQuota } from "./write-quota.ts"

/** A topic of a hub: its name, its source, and the kind of its values. */
export interface TopicOptions {
  /** `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. */
  readonly name: string
  /** The hub owns it from now on, and closes it. */
  readonly source: Source
  /** `json` by default. */
  readonly values?: ValueKind
  /**
   * Bounds of the cache, such as how long positions can be resumed from. `limits.valueBytesMax` of
   * the hub bounds values.
   */
  readonly cache?: Partial<Omit<CacheLimits, "valueBytesMax">>
  /**
   * Most bytes of memory for the entries of one epoch of the source; 1 GiB by default, from 4 MiB
   * to 4 GiB. While a new epoch is filled, the old one is kept. A topic that is full is `stale`
   * with `ERR_MEMORY_FULL`, and takes deletes alone.
   */
  readonly memoryBytesMax?: number
}

/**
 * The rules by which a hub decides which entries of a source exist. They are part of the epoch: two
 * hubs of one source that differ in them show different entries, under different epochs.
 */
export interface TopicRules {
  /** The version of the rules of valid values. */
  readonly validator: string
  readonly valueBytesMax: number
}

/** The parts of a hub that its topics share. */
export interface TopicContext {
  readonly clock: Clock
  readonly random: () => number
  readonly limits: HubLimits
  readonly turns: TurnScheduler
  readonly walkLimiter: WalkLimiter
  readonly streams: OpenStreams
  readonly log: Log
  readonly bugs: Bugs
  readonly observer: HubObserver
}

/**
 * One topic of a hub: a source, the syncer that reads it, the cache that mirrors it, and the
 * fan-out that brings it to readers. It runs until it is closed.
 */
export class Topic {
  readonly name: string
  readonly values: ValueKind
  readonly source: Source
  readonly cache: SnapshotCache
  readonly fanOut: FanOut
  /** The readers whose streams are open. */
  readonly readers = new OpenReaders()
  /** Ends of pages of lists, from which clients go on. */
  readonly quota: WriteQuota
  readonly continuations: Continuations
  /** `null` where another hub has decided on the entries. */
  readonly rules: TopicRules | null
  readonly #context: TopicContext
  readonly #rareLog: Log
  readonly #syncer: Syncer
  readonly #stop = new AbortController()
  readonly #running: Promise<unknown>
  #wasInSync = false

  constructor(options: TopicOptions, context: TopicContext) {
    const { clock, random, limits, turns, observer } = context
    this.name = options.name
    this.values = options.values ?? "json"
    this.source = options.source
    this.#context = context
    const { name, values } = this
    // Another hub has validated its entries: they keep its epoch, and so are shown as they are.
    this.rules = this.source.namesEpochs
      ? null
      : { validator: VALIDATOR, valueBytesMax: limits.valueBytesMax }
    this.#rareLog = rareLog(context.log, clock)
    const validation = this.source.namesEpochs
      ? { limits: { ...options.cache, valueBytesMax: Number.MAX_SAFE_INTEGER } }
      : {
          limits: { ...options.cache, valueBytesMax: limits.valueBytesMax },
          validate: (_key: string, value: Uint8Array) => reasonAgainst(values, value),
        }
    const engine = { ...(options.memoryBytesMax && { bytesMax: options.memoryBytesMax }) }
    this.cache = new SnapshotCache({
      clock,
      engine,
      observer: cacheObserver(name, observer),
      ...validation,
    })
    this.#syncer = new Syncer({
      source: this.source,
      cache: this.cache,
      clock,
      random,
      // The source's identity covers its prefix; these rules decide as well which entries exist.
      epochSalt: `${values} ${VALIDATOR} ${limits.valueBytesMax}`,
      observer: syncerObserver(name, observer),
      log: (line, fields, level) => context.log(line, { topic: name, ...fields }, level),
    })
    this.fanOut = new FanOut({
      topic: name,
      cache: this.cache,
      values,
      clock,
      limits,
      turns,
      observer,
    })
    this.quota = new WriteQuota(limits, this.cache)
    this.continuations = new Continuations(this.fanOut.leases, limits)
    const { signal } = this.#stop
    this.#running = Promise.all([
      this.#guard("the syncer", this.#syncer.run(signal)),
      this.#guard("the fan-out", this.fanOut.run(signal)),
      this.#guard("the status", this.#watchStatus(signal)),
    ])
  }

  /** True if the source takes writes. */
  get writable(): boolean {
    return this.source.write !== undefined
  }

  /** True once the topic has been in sync since the hub started. */
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

  /** Makes the reader of one connection. */
  reader(request: ReaderRequest): Reader {
    const { walkLimiter, streams, random, log, bugs, observer } = this.#context
    return new Reader(
      {
        topic: this.name,
        fanOut: this.fanOut,
        walkLimiter,
        streams,
        random,
        log,
        bugs,
        observer,
        readers: this.readers,
        isAtLeast: (revision, signal) => this.isAtLeast(revision, signal),
        warnOfEpoch: () => this.#warnOfEpoch(),
      },
      request,
    )
  }

  /** Stops, and frees everything. The caller has ended the streams before. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("the topic is closed"))
    await this.#running
    await this.cache.close()
    await this.source.close()
    this.#context.observer.onTopicEnd?.({ topic: this.name })
  }

  async #watchStatus(signal: AbortSignal): Promise<void> {
    const { changes } = this.cache
    let invalid = 0
    for (;;) {
      const { report } = this.cache
      if (report.status === "in-sync") this.#wasInSync = true
      const before = invalid
      invalid = report.invalid ?? 0
      if (invalid > 0 && before === 0) this.#warnOfInvalid(invalid)
      await changes.wait(signal)
    }
  }

  #warnOfEpoch(): void {
    this.#rareLog(
      "a reader came with a position of another epoch, and gets a snapshot: the source was " +
        "replaced or restored, or hubs of one source differ in values or in rules, which " +
        "GET /v1/topics/{topic} shows",
      { topic: this.name, ...this.rules },
      "warn",
    )
  }

  #warnOfInvalid(invalid: number): void {
    const [first] = this.cache.invalidSample
    const example =
      first === undefined ? "" : `, such as ${JSON.stringify(first.key)}: ${first.reason}`
    this.#context.log(
      `${invalid} entries are hidden because they are not valid ${this.values}${example}; the ` +
        "option values=json|text|binary sets the kind of values",
      { topic: this.name },
      "warn",
    )
  }

  // A task that ends by itself is a bug.
  async #guard(what: string, running: Promise<unknown>): Promise<void> {
    try {
      await running
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#context.bugs.report(`${what} failed`, error, { topic: this.name })
      }
    }
  }
}
