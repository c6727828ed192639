import {
  type Clock,
  type Commit,
  type ListPage,
  type ListRequest,
  type Revision,
  type Source,
  SourceError,
  Waiters,
  type WatchEvent,
} from "@headwater/core"
import { integerBelow } from "../prng.ts"
import type { ModelCluster } from "./model-cluster.ts"

/** Faults of a simulated source, each a probability. All are 0 when it is well. */
export interface Faults {
  /** An answer, or a word of a watch, comes late. */
  readonly delay: number
  /** A list is answered by a replica that lags behind, unless a quorum is asked. */
  readonly stale: number
  /** A call fails, before or after some of its pages. */
  readonly fail: number
  /** A watch tells again what it told. */
  readonly repeat: number
  /** A watch ends: with a word, without one, or by throwing. */
  readonly lose: number
}

/** Nothing goes wrong. */
export const NO_FAULTS: Faults = { delay: 0, stale: 0, fail: 0, repeat: 0, lose: 0 }

const DELAY_MS = 400
const LAG_REVISIONS = 12
const PAGE_ENTRIES = 3
const BATCH_COMMITS = 4

/**
 * A `Source` over a model cluster, as bad as a source may be and worse: replicas that lag, words
 * that come late or twice, watches that end or fall silent. It never skips a commit of
 * a watch, and never tells a false one: no syncer could notice that.
 */
export class SimulatedSource implements Source {
  readonly name = "simulated:"
  faults: Faults = NO_FAULTS
  /** Every call is refused. */
  refusing = false
  /** Watches stay open and say nothing, also new ones. */
  mute = false
  /** Watches are refused, as by a source that cannot tell changes. */
  unwatchable = false
  /** The cluster that answered the last list, and the revision that the list had to reach. */
  listed: { readonly cluster: ModelCluster; readonly required: Revision } | undefined
  readonly #clock: Clock
  readonly #random: () => number
  readonly #note: (line: string) => void
  readonly #stirred = new Waiters()
  #cluster: ModelCluster
  /** Watches of before do not go on after a cut. */
  #connection = 0

  constructor(
    cluster: ModelCluster,
    options: { clock: Clock; random: () => number; note: (line: string) => void },
  ) {
    this.#cluster = cluster
    this.#clock = options.clock
    this.#random = options.random
    this.#note = options.note
  }

  /** The cluster that answers now. */
  get cluster(): ModelCluster {
    return this.#cluster
  }

  /** Puts another cluster in its place. Watches end, unless they go on, on the old one. */
  replaceBy(cluster: ModelCluster, options: { cut: boolean }): void {
    this.#cluster = cluster
    if (options.cut) this.cut()
    else this.stir()
  }

  /** Ends every watch, as a lost connection does. */
  cut(): void {
    this.#connection += 1
    this.stir()
  }

  /** Lets watches look again. */
  stir(): void {
    this.#stirred.wake()
  }

  async identity(signal: AbortSignal): Promise<string> {
    await this.#pass(signal)
    return this.#cluster.identity
  }

  async revision(signal: AbortSignal): Promise<Revision> {
    await this.#pass(signal)
    return this.#cluster.revision
  }

  async *list(request: ListRequest, signal: AbortSignal): AsyncGenerator<ListPage> {
    await this.#pass(signal)
    const cluster = this.#cluster
    const revision = this.#listRevision(cluster, request)
    if (revision < cluster.compacted) throw new SourceError(`revision ${revision} is compacted`)
    this.listed = { cluster, required: request.at ?? request.atLeast ?? 0 }
    const entries = [...cluster.stateAt(revision).values()]
    this.#note(`list at ${revision} of ${cluster.identity} for ${JSON.stringify(request)}`)
    let start = 0
    do {
      const page = entries.slice(start, start + PAGE_ENTRIES)
      yield { identity: cluster.identity, revision, entries: page, invalid: [] }
      await this.#pass(signal)
      if (revision < cluster.compacted) throw new SourceError(`revision ${revision} is compacted`)
      start += PAGE_ENTRIES
    } while (start < entries.length)
  }

  async *watch(from: Revision, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    await this.#pass(signal)
    const cluster = this.#cluster
    const connection = this.#connection
    this.#note(`watch from ${from} of ${cluster.identity}`)
    if (this.unwatchable) return yield { type: "lost", reason: "unsupported" }
    let next = from
    let told = 0
    for (;;) {
      const ending = this.#connection !== connection || this.#chance(this.faults.lose)
      if (ending) {
        this.#note("the watch is lost")
        if (this.#chance(0.3)) throw new SourceError("the watch broke")
        if (this.#chance(0.7)) yield { type: "lost", reason: "closed" }
        return
      }
      if (this.mute) {
        await this.#stirred.wait(signal)
        continue
      }
      if (this.unwatchable) return yield { type: "lost", reason: "unsupported" }
      if (next <= cluster.compacted) return yield { type: "lost", reason: "compacted" }
      const commits = this.#someOf(cluster, from, next)
      const last = commits.at(-1)
      if (last !== undefined) {
        yield { type: "commits", commits }
        next = Math.max(next, last.revision + 1)
      } else if (told < cluster.revision && this.#chance(0.5)) {
        told = cluster.revision
        yield { type: "progress", revision: told }
      } else {
        await this.#stirred.wait(signal)
      }
      if (this.#chance(this.faults.delay)) await this.#delay(signal)
      signal.throwIfAborted()
    }
  }

  async close(): Promise<void> {}

  // From a little before `next` when it repeats itself, never from before where it was asked from.
  #someOf(cluster: ModelCluster, from: Revision, next: Revision): readonly Commit[] {
    const back = this.#chance(this.faults.repeat) ? integerBelow(this.#random, 3) : 0
    const start = Math.max(from, next - back, cluster.compacted + 1)
    if (cluster.revision < next) return []
    const count = next - start + 1 + integerBelow(this.#random, BATCH_COMMITS)
    return cluster.commitsFrom(start).slice(0, count)
  }

  #listRevision(cluster: ModelCluster, request: ListRequest): Revision {
    if (request.at !== undefined) {
      if (request.at > cluster.revision) throw new SourceError("not there yet")
      return request.at
    }
    const isStale = !request.linearizable && this.#chance(this.faults.stale)
    const lag = isStale ? integerBelow(this.#random, LAG_REVISIONS) : 0
    const revision = Math.max(1, cluster.compacted, cluster.revision - lag)
    if (lag === 0 && revision < (request.atLeast ?? 0)) throw new SourceError("not there yet")
    return revision
  }

  async #pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#chance(this.faults.delay)) await this.#delay(signal)
    if (this.refusing || this.#chance(this.faults.fail)) throw new SourceError("it refuses")
  }

  #delay(signal: AbortSignal): Promise<void> {
    return this.#clock.sleep(1 + integerBelow(this.#random, DELAY_MS), signal)
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#random() < probability
  }
}
