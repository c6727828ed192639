import { SnapshotCache } from "@headwater/cache"
import type { Clock, Position, Status, SyncErrorCode } from "@headwater/core"
import { Syncer, type SyncTarget } from "@headwater/syncer"
import { integerBelow, prng } from "../prng.ts"
import { type ModelWorld, SALT } from "./model-world.ts"
import { type Faults, NO_FAULTS, SimulatedSource } from "./simulated-source.ts"
import { expectEqual, show, shown, type Witness } from "./witness.ts"

/** Options of a simulated hub. */
export interface SimulatedHubOptions {
  readonly name: string
  readonly world: ModelWorld
  readonly clock: Clock
  readonly random: () => number
  readonly note: (line: string) => void
}

/** An image that a hub saved and may begin again from, however old it is by then. */
export interface SavedImage {
  readonly position: Position
  /** The number of times that a history had gone back by then: it knows nothing of later ones. */
  readonly setBacks: number
  /** True if a list was being read. */
  readonly resyncing: boolean
  readonly bytes: readonly Uint8Array[]
}

/** As many as may differ in what matters: the newest, and some of long ago. */
const IMAGES_MAX = 4

/** Short, so that everything happens within some seconds. */
const LIMITS = {
  watchSilenceMs: 5_000,
  backoffMaxMs: 4_000,
  queueEventsMax: 4,
  batchCommitsMax: 3,
  listSilenceMs: 5_000,
  askMs: 5_000,
  listMinMs: 100,
  pollMs: 2_000,
  aheadMs: 1_000,
}
/** Its memory is made anew for each life: a small one is made faster. */
const BYTES_MAX = 4 << 20
/** One for all: where it was made says nothing, and costs. */
const STOPPED = new Error("the hub was stopped")
const LEGAL = /^(waiting( \w+)?,)*(resyncing(,(stale \w+|resyncing|in-sync))*)?$/

/**
 * A hub of a simulation, with a link of its own to the source that all hubs follow: the real syncer
 * and cache, watched for what must not happen. It can crash, and then starts from nothing, or from
 * an image that it saved.
 */
export class SimulatedHub {
  readonly name: string
  readonly source: SimulatedSource
  /** Why its syncer ended, if it ended by itself. */
  failure: unknown
  readonly #options: SimulatedHubOptions
  #statuses: string[] = []
  #allStatuses: string[] = []
  #images: SavedImage[] = []
  #isListing = false
  #cache!: SnapshotCache
  #syncer!: Syncer
  #abort = new AbortController()
  #running: Promise<void> = Promise.resolve()

  constructor(options: SimulatedHubOptions) {
    const { name, world, clock, random } = options
    this.name = name
    this.#options = options
    const note = (line: string) => this.#note(line)
    this.source = new SimulatedSource(world.cluster, { clock, random, note })
    this.#start()
  }

  /** The cache that it serves from; another one after a crash. */
  get cache(): SnapshotCache {
    return this.#cache
  }

  /** All that it told of its status, in all its lives. */
  get statuses(): readonly string[] {
    return [...this.#allStatuses, ...this.#statuses]
  }

  /** Asserts what its syncer must hold between two events. */
  assertInvariants(): void {
    this.#syncer.assertInvariants()
  }

  /** A reader comes. One that is ahead of this hub makes it ask its source. */
  welcome(witness: Witness): void {
    const signal = witness.arrive(this.#cache)
    const { position } = witness
    if (signal === undefined || position === undefined) return
    if (this.#cache.locate(position).type !== "ahead") return
    this.#note(`a reader at ${position.revision} is ahead`)
    this.#syncer.revisionAtLeast(position.revision, signal).catch(() => {})
  }

  /** Saves an image of what it serves, whatever it is doing. The newest are kept. */
  save(): void {
    const { position } = this.#cache
    const pieces = this.#cache.save()
    if (position === undefined || pieces === undefined) return
    this.#note(`saves ${position.revision} of ${position.epoch}`)
    const { setBacks } = this.#options.world
    const bytes = [...pieces].map((piece) => piece.slice())
    const resyncing = this.#isListing
    this.#images = [{ position, setBacks, resyncing, bytes }, ...this.#images].slice(0, IMAGES_MAX)
  }

  /** The images that it could begin again from, the newest first. */
  get images(): readonly SavedImage[] {
    return this.#images
  }

  /**
   * Ends the process of the hub without a goodbye, and starts another one: from nothing by default.
   */
  async crash(image?: SavedImage): Promise<void> {
    this.#note(image ? `crashes, and has ${image.position.revision}` : "crashes")
    await this.stop()
    this.#allStatuses.push(...this.#statuses)
    this.#statuses = []
    this.#abort = new AbortController()
    this.#start(image)
  }

  /** Ends. Rejects when it had failed. */
  async stop(): Promise<void> {
    this.#abort.abort(STOPPED)
    try {
      await this.#running
    } finally {
      await this.#cache.close()
    }
  }

  /** The link misbehaves from now on, in some ways of its own. */
  misbehave(random: () => number): void {
    const some = (most: number) => (random() < 0.5 ? random() * most : 0)
    const faults: Faults = {
      delay: some(1),
      stale: some(1),
      fail: some(0.4),
      repeat: some(1),
      lose: some(0.3),
    }
    this.#note(JSON.stringify(faults))
    this.source.faults = faults
  }

  /** Repairs the link; the source may still be one that cannot be watched. */
  behave(): void {
    Object.assign(this.source, { refusing: false, mute: false, faults: NO_FAULTS })
    this.source.stir()
  }

  /** True if it holds and serves everything. */
  get rests(): boolean {
    return this.isAtRest(this.#cache.position) && this.#cache.report.status === "in-sync"
  }

  /** True if the source is at that position. */
  isAtRest(position: Position | undefined): boolean {
    const { world } = this.#options
    const { cluster } = world
    return position?.revision === cluster.revision && world.clusterOf(position) === cluster
  }

  /** Compares what it serves with the source. */
  check(): void {
    const { world } = this.#options
    const { cluster } = world
    const { position, report, current } = this.#cache
    const served = [...(current?.snapshot.entries() ?? [])]
    const entries = served.map((entry) => [entry.key, entry] as const)
    expectEqual(`${this.name}: cache`, show(entries), shown(cluster.stateAt(cluster.revision)))
    expectEqual(`${this.name}: revision`, position?.revision, cluster.revision)
    expectEqual(`${this.name}: cluster`, position && world.clusterOf(position), cluster)
    expectEqual(`${this.name}: status`, report.status, "in-sync")
    const statuses = this.#statuses.join()
    if (!LEGAL.test(statuses)) throw new Error(`${this.name}: statuses: ${statuses}`)
  }

  #start(image?: SavedImage): void {
    const { clock, random } = this.#options
    const seed = () => integerBelow(random, 2 ** 32)
    const engine = { seed: [seed(), seed()], bytesMax: BYTES_MAX } as const
    this.#isListing = false
    const options = { clock, engine }
    this.#cache = image ? SnapshotCache.load(image.bytes, options) : new SnapshotCache(options)
    if (image) this.#expectLoaded(image)
    this.#syncer = new Syncer({
      source: this.source,
      cache: this.#observed(),
      clock,
      random: prng(seed()),
      epochSalt: SALT,
      limits: LIMITS,
      log: (line, fields) => this.#note(`${line} ${fields ? JSON.stringify(fields) : ""}`),
    })
    this.#running = this.#syncer.run(this.#abort.signal)
    this.#running.catch((error) => {
      this.failure = error
    })
  }

  // An image is served at once: it is to be right before the source has said a word.
  #expectLoaded({ position }: SavedImage): void {
    const served = [...(this.#cache.current?.snapshot.entries() ?? [])]
    const entries = served.map((entry) => [entry.key, entry] as const)
    expectEqual(`${this.name}: epoch of an image`, this.#cache.epoch, position.epoch)
    expectEqual(`${this.name}: image`, this.#cache.position?.revision, position.revision)
    const truth = shown(this.#options.world.stateAt(position))
    expectEqual(`${this.name}: entries of an image`, show(entries), truth)
  }

  // The cache, seen from what its readers may count on.
  #observed(): SyncTarget {
    const cache = this.#cache
    // As of its start: then all that it holds is what an image brought.
    const { epoch: kept, contiguous, metadata } = cache
    let epoch = kept ?? ""
    return {
      epoch: kept,
      contiguous,
      metadata,
      renew: (named, lives) => {
        epoch = named
        cache.renew(named, lives)
      },
      beginResync: () => {
        this.#isListing = true
        cache.beginResync()
        if (this.#options.random() < 0.3) this.save()
      },
      applyList: (page) => cache.applyList(page),
      applyCommits: (commits) => cache.applyCommits(commits),
      endResync: (revision) => {
        this.#isListing = false
        const { cluster, required } = this.source.listed!
        this.#options.world.name(epoch, cluster)
        if (revision < required) throw new Error(`a list at ${revision}, asked for ${required}`)
        expectEqual("data while waiting", /^waiting|^$/.test(this.#statuses.at(-1) ?? ""), false)
        return cache.endResync(revision)
      },
      progress: (revision) => {
        cache.progress(revision)
        cache.assertInvariants()
      },
      contact: () => cache.contact(),
      setStatus: (status: Status, code?: SyncErrorCode) => {
        const said = code ? `${status} ${code}` : status
        expectEqual("a status repeated", said === this.#statuses.at(-1), false)
        this.#statuses.push(said)
        cache.setStatus(status, code)
        cache.assertInvariants()
      },
    }
  }

  #note(line: string): void {
    this.#options.note(`  ${this.name}: ${line}`)
  }
}
