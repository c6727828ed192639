import { SnapshotCache } from "@headwater/cache"
import type { Change, Position, Status, SyncErrorCode } from "@headwater/core"
import { epochOf, Syncer, type SyncTarget } from "@headwater/syncer"
import { ManualClock } from "../manual-clock.ts"
import { integerBelow, pick, prng } from "../prng.ts"
import { ModelCluster, type ModelState } from "./model-cluster.ts"
import { type Faults, NO_FAULTS, SimulatedSource } from "./simulated-source.ts"
import { expectEqual, show, Witness } from "./witness.ts"

/** What a simulation did, all of which was right. */
export interface SimulationReport {
  readonly seed: number
  readonly statuses: readonly string[]
  /** Lives of the source that were served. */
  readonly epochs: number
  /** Positions at which a reader compared all that it held with the truth. */
  readonly compared: number
  /** Times a reader came back and was served from where it had left. */
  readonly resumed: number
  /** What happened, line by line: the same for the same seed. */
  readonly transcript: readonly string[]
}

/** A simulation that went wrong: a bug, with all that is needed to repeat it. */
export class SimulationError extends Error {
  override readonly name = "SimulationError"
  readonly seed: number
  readonly transcript: readonly string[]

  constructor(seed: number, transcript: readonly string[], cause: unknown) {
    super(`seed ${seed}: ${String(cause)}\n${transcript.join("\n")}`, { cause })
    this.seed = seed
    this.transcript = transcript
  }
}

/**
 * Runs one history: a source that does whatever sources do, the real syncer and cache behind it,
 * and readers that come and go. One seed is one history, to the last word.
 *
 * At each quiet point cache and readers equal the source; at each position between, readers equal
 * what the source was there.
 *
 * @throws {SimulationError} something did not hold.
 */
export async function simulate(seed: number, steps = 30): Promise<SimulationReport> {
  const simulation = new Simulation(seed)
  try {
    return await simulation.run(steps)
  } catch (error) {
    throw new SimulationError(seed, simulation.transcript, error)
  } finally {
    await simulation.close()
  }
}

const KEYS = ["a", "a/b", "a/b/c", "ab", "b", "ключ", "e", "f"]
const SALT = "simulated"
const QUIET_EVERY_STEPS = 10
const QUIET_MS_MAX = 120_000
const QUIET_STEP_MS = 2_000
const LEGAL_FIRST = /^(waiting( \w+)?,)*(resyncing\b.*)?$/
const LEGAL_LATER = /^resyncing(,(stale \w+|resyncing|in-sync))*$/
const LIMITS = {
  watchSilenceMs: 5_000,
  backoffMaxMs: 4_000,
  queueEventsMax: 4,
  batchCommitsMax: 3,
  listSilenceMs: 5_000,
  askMs: 5_000,
}
const utf8 = new TextEncoder()

class Simulation {
  readonly transcript: string[] = []
  readonly #seed: number
  readonly #random: () => number
  readonly #clock = new ManualClock()
  readonly #cache: SnapshotCache
  readonly #source: SimulatedSource
  readonly #witnesses: readonly Witness[]
  readonly #statuses: string[] = []
  readonly #clusters = new Map<string, ModelCluster>()
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  #replaced = 0
  #closed = false

  constructor(seed: number) {
    this.#seed = seed
    this.#random = prng(seed)
    const clock = this.#clock
    this.#cache = new SnapshotCache({ clock, engine: { seed: [seed >>> 0, 1] } })
    const note = (line: string) => this.#note(line)
    const options = { clock, random: prng(seed + 1), note }
    this.#source = new SimulatedSource(this.#fresh(), options)
    const oracle = (position: Position) => this.#stateAt(position)
    this.#witnesses = [1, 2, 3].map(() => new Witness(this.#cache, oracle))
    this.#running = new Syncer({
      source: this.#source,
      cache: this.#observed(),
      clock,
      random: prng(seed + 2),
      epochSalt: SALT,
      limits: LIMITS,
      log: (line, fields) => note(`  ${line} ${fields ? JSON.stringify(fields) : ""}`),
    }).run(this.#abort.signal)
    this.#running.catch(() => {}) // `close` tells
  }

  async run(steps: number): Promise<SimulationReport> {
    this.#witnesses[0]?.arrive()
    for (let step = 1; step <= steps; step++) {
      await this.#step()
      this.#checkWitnesses()
      if (step % QUIET_EVERY_STEPS === 0) await this.#quiet()
    }
    await this.close()
    expectEqual("timers left", this.#clock.timers, 0)
    const sum = (of: (witness: Witness) => number) =>
      this.#witnesses.reduce((total, witness) => total + of(witness), 0)
    return {
      seed: this.#seed,
      statuses: this.#statuses,
      epochs: this.#clusters.size,
      compared: sum(({ compared }) => compared),
      resumed: sum(({ resumed }) => resumed),
      transcript: this.transcript,
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const witness of this.#witnesses) await witness.leave()
    this.#abort.abort()
    try {
      await this.#running
    } finally {
      await this.#cache.close()
    }
  }

  async #step(): Promise<void> {
    const [name, act] = pick(this.#random, this.#acts)
    this.#note(name)
    await act()
    this.#source.stir()
    const pause = this.#random()
    if (pause < 0.3) await this.#clock.settle()
    else if (pause < 0.8) await this.#clock.advance(integerBelow(this.#random, 500))
    const witness = pick(this.#random, this.#witnesses)
    if (this.#random() < 0.5) witness.arrive()
    else await witness.leave()
  }

  readonly #acts: readonly (readonly [name: string, act: () => Promise<void> | void])[] = [
    ["write", () => this.#write(1)],
    ["write", () => this.#write(1)],
    ["write", () => this.#write(3)],
    ["write much", () => this.#write(20)],
    ["cut", () => this.#source.cut()],
    ["refuse", () => this.#set({ refusing: true })],
    ["accept", () => this.#set({ refusing: false })],
    ["mute", () => this.#set({ mute: true })],
    ["unmute", () => this.#set({ mute: false })],
    ["misbehave", () => this.#misbehave()],
    ["behave", () => this.#set({ faults: NO_FAULTS })],
    ["compact", () => this.#compact()],
    ["wait", () => this.#clock.advance(integerBelow(this.#random, 8_000))],
    ["replace", () => this.#replace()],
    ["replace", () => this.#replace()],
    ["set back", () => this.#setBack()],
  ]

  #write(commits: number): void {
    for (let turn = 0; turn < commits; turn++) {
      const count = 1 + integerBelow(this.#random, 3)
      const keys = new Set(Array.from({ length: count }, () => pick(this.#random, KEYS)))
      const changes = [...keys].map((key) => this.#change(key))
      this.#note(`  revision ${this.#source.cluster.commit(changes)}: ${changes.map(tell)}`)
    }
  }

  #change(key: string): Change {
    if (this.#random() < 0.35) return { op: "delete", key }
    return { op: "put", key, value: utf8.encode(`${integerBelow(this.#random, 4)}`) }
  }

  #set(state: { refusing?: boolean; mute?: boolean; faults?: Faults }): void {
    Object.assign(this.#source, state)
    if (state.refusing) this.#source.cut()
  }

  #misbehave(): void {
    const some = (most: number) => (this.#random() < 0.5 ? this.#random() * most : 0)
    const faults = {
      delay: some(1),
      stale: some(1),
      fail: some(0.4),
      repeat: some(1),
      lose: some(0.3),
    }
    this.#note(`  ${JSON.stringify(faults)}`)
    this.#set({ faults })
  }

  #compact(): void {
    const { cluster } = this.#source
    cluster.compact(cluster.revision - integerBelow(this.#random, 5))
  }

  #replace(): void {
    if (this.#random() < 0.6) return
    const known = [...new Set(this.#clusters.values())]
    const cluster = this.#random() < 0.3 ? pick(this.#random, known) : this.#fresh()
    // One that was set back is known by its identity alone: what was before it cannot come back.
    const newest = known.filter(({ identity }) => identity === cluster.identity).at(-1)
    const ahead = this.#source.cluster.revision + 2
    this.#source.replaceBy(newest ?? cluster, { cut: this.#random() < 0.7 })
    this.#note(`  by ${cluster.identity}`)
    // One that is ahead answers a watch meant for the one before with words, not with silence.
    if (this.#random() < 0.7) {
      while (this.#source.cluster.revision < ahead) this.#write(1)
    }
  }

  // Found out by the revision alone, so it must be met while that is still below: what nobody can
  // tell is not asked for here.
  async #setBack(): Promise<void> {
    if (this.#random() < 0.6) return
    await this.#quiet()
    const { cluster } = this.#source
    if (cluster.revision < 3) return
    const revision = 1 + integerBelow(this.#random, cluster.revision - 1)
    const past = new ModelCluster(cluster.identity, { cluster, revision })
    const { epoch } = this.#cache
    this.#latest = past
    this.#source.replaceBy(past, { cut: true })
    this.#note(`  to ${revision}`)
    await this.#quiet()
    if (this.#cache.epoch === epoch) throw new Error("history went back in one epoch")
  }

  /** Lets everything come to rest, and compares. */
  async #quiet(): Promise<void> {
    this.#note("quiet")
    this.#set({ refusing: false, mute: false, faults: NO_FAULTS })
    this.#source.stir()
    for (const witness of this.#witnesses) witness.arrive()
    for (let ms = 0; ms < QUIET_MS_MAX && !this.#rests(); ms += QUIET_STEP_MS) {
      await this.#clock.advance(QUIET_STEP_MS)
      this.#checkWitnesses()
    }
    const { cluster } = this.#source
    const { position, report, current } = this.#cache
    const wanted = show(cluster.stateAt(cluster.revision))
    const served = [...(current?.snapshot.entries() ?? [])]
    expectEqual("cache", show(served.map((entry) => [entry.key, entry] as const)), wanted)
    expectEqual("revision", position?.revision, cluster.revision)
    expectEqual("cluster", position && this.#clusterOf(position), cluster)
    expectEqual("status", report.status, "in-sync")
    for (const witness of this.#witnesses) expectEqual("reader", show(witness.held), wanted)
    const statuses = this.#statuses.join()
    const later = statuses.match(LEGAL_FIRST)?.[3]
    if (!LEGAL_LATER.test(later ?? "")) throw new Error(`statuses: ${statuses}`)
  }

  #rests(): boolean {
    const { cluster } = this.#source
    const { position, report } = this.#cache
    const here = (at: Position | undefined) =>
      at?.revision === cluster.revision && this.#clusterOf(at) === cluster
    const arrived = this.#witnesses.every((witness) => here(witness.position))
    return arrived && here(position) && report.status === "in-sync"
  }

  #checkWitnesses(): void {
    for (const { failure } of this.#witnesses) if (failure !== undefined) throw failure
  }

  #fresh(): ModelCluster {
    this.#replaced += 1
    const cluster = new ModelCluster(`cluster ${this.#replaced}`)
    this.#clusters.set(epochOf({ identity: cluster.identity }, SALT), cluster)
    return cluster
  }

  #latest: ModelCluster | undefined

  // The name of a life that was set back is the hub's own: it is the one that was put there last.
  #clusterOf({ epoch }: Position): ModelCluster {
    const known = this.#clusters.get(epoch)
    if (known !== undefined) return known
    if (this.#latest === undefined) throw new Error(`epoch ${epoch} is nobody's`)
    this.#clusters.set(epoch, this.#latest)
    return this.#latest
  }

  #stateAt(position: Position): ModelState {
    return this.#clusterOf(position).stateAt(position.revision)
  }

  #observed(): SyncTarget {
    const cache = this.#cache
    return {
      renew: (epoch) => cache.renew(epoch),
      beginResync: () => cache.beginResync(),
      applyList: (page) => cache.applyList(page),
      applyCommits: (commits) => cache.applyCommits(commits),
      endResync: (revision) => cache.endResync(revision),
      progress: (revision) => cache.progress(revision),
      contact: () => cache.contact(),
      setStatus: (status: Status, code?: SyncErrorCode) => {
        const said = code ? `${status} ${code}` : status
        expectEqual("a status repeated", said === this.#statuses.at(-1), false)
        this.#statuses.push(said)
        cache.setStatus(status, code)
      },
    }
  }

  #note(line: string): void {
    this.transcript.push(`${this.#clock.elapsed()} ${line}`)
  }
}

function tell(change: Change): string {
  return `${change.op} ${change.key}`
}
