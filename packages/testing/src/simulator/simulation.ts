import { ManualClock } from "../manual-clock.ts"
import { integerBelow, pick, prng } from "../prng.ts"
import { ModelWorld } from "./model-world.ts"
import { isAboveAll, Restored, type RestoredTotals } from "./restored.ts"
import { SimulatedHub } from "./simulated-hub.ts"
import { expectEqual, shown, Witness } from "./witness.ts"

/** Totals of a simulation that found no fault. */
export interface SimulationReport {
  readonly seed: number
  /** The status reports of all hubs, one hub after the other. */
  readonly statuses: readonly string[]
  /** Lives of the source that were served. */
  readonly epochs: number
  /** Positions at which a reader compared all that it held with the truth. */
  readonly compared: number
  /** Times a reader came back, to the same hub or the other, and was served from where it left. */
  readonly resumed: number
  /** Times a hub began anew. */
  readonly crashes: number
  /** Of these, the number that began from an image that the hub had saved. */
  readonly restored: RestoredTotals
  /** The events, line by line: the same for the same seed. */
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
 * Runs one history: a source that does whatever sources do, two hubs behind it that crash and come
 * back, each a real syncer and cache, and readers that come, go, and change hubs. One seed is one
 * history, to the last word.
 *
 * At each quiet point caches and readers equal the source; at each position between, readers equal
 * what the source was there.
 *
 * @throws {SimulationError} something did not hold.
 */
export async function simulate(seed: number, steps = 16): Promise<SimulationReport> {
  const simulation = new Simulation(seed)
  try {
    return await simulation.run(steps)
  } catch (error) {
    await simulation.close().catch(() => {})
    throw new SimulationError(seed, simulation.transcript, error)
  }
}

const HUBS = ["one", "two"]
const READERS = 3
const QUIET_EVERY_STEPS = 8
const BEHIND_COMMITS = 4
const BEHIND_MS = 3_000
const QUIET_MS_MAX = 120_000
const QUIET_STEP_MS = 2_000

type Act = readonly [name: string, act: (hub: SimulatedHub) => Promise<void> | void]

class Simulation {
  readonly transcript: string[] = []
  readonly #seed: number
  readonly #random: () => number
  readonly #clock = new ManualClock()
  readonly #world: ModelWorld
  readonly #hubs: readonly SimulatedHub[]
  readonly #witnesses: readonly Witness[]
  /**
   * True once history went back: a hub without a past cannot notice, so none is made from then on.
   */
  #wentBack = false
  #crashes = 0
  readonly #restored = new Restored()
  #closed = false

  constructor(seed: number) {
    this.#seed = seed
    this.#random = prng(seed)
    const clock = this.#clock
    const note = (line: string) => this.#note(line)
    const world = new ModelWorld(this.#random, note)
    this.#world = world
    this.#hubs = HUBS.map(
      (name, index) =>
        new SimulatedHub({ name, world, clock, random: prng(seed + 1 + index), note }),
    )
    const oracle = world.stateAt.bind(world)
    this.#witnesses = Array.from({ length: READERS }, () => new Witness(oracle))
  }

  async run(steps: number): Promise<SimulationReport> {
    this.#hubs[0]!.welcome(this.#witnesses[0]!)
    for (let step = 1; step <= steps; step++) {
      await this.#step()
      for (const hub of this.#hubs) hub.assertInvariants()
      this.#checkFailures()
      if (step % QUIET_EVERY_STEPS === 0) await this.#quiet()
    }
    await this.close()
    expectEqual("timers left", this.#clock.timers, 0)
    const sum = (of: (witness: Witness) => number) =>
      this.#witnesses.reduce((total, witness) => total + of(witness), 0)
    return {
      seed: this.#seed,
      statuses: this.#hubs.flatMap((hub) => hub.statuses),
      epochs: this.#world.epochs,
      compared: sum(({ compared }) => compared),
      resumed: sum(({ resumed }) => resumed),
      crashes: this.#crashes,
      restored: this.#restored.totals,
      transcript: this.transcript,
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const witness of this.#witnesses) await witness.leave()
    await Promise.all(this.#hubs.map((hub) => hub.stop()))
  }

  async #step(): Promise<void> {
    const [name, act] = pick(this.#random, this.#acts)
    const hub = pick(this.#random, this.#hubs)
    this.#note(name)
    await act(hub)
    for (const { source } of this.#hubs) source.stir()
    if (this.#random() < 0.3) pick(this.#random, this.#hubs).save()
    const pause = this.#random()
    if (pause < 0.3) await this.#clock.settle()
    else if (pause < 0.8) await this.#clock.advance(integerBelow(this.#random, 500))
    const witness = pick(this.#random, this.#witnesses)
    if (this.#random() < 0.5) pick(this.#random, this.#hubs).welcome(witness)
    else await witness.leave()
  }

  readonly #acts: readonly Act[] = [
    ["write", () => this.#world.write(1)],
    ["write", () => this.#world.write(1)],
    ["write", () => this.#world.write(3)],
    ["write much", () => this.#world.write(20)],
    ["delete a directory", () => this.#world.deleteDirectory()],
    ["cut", ({ source }) => source.cut()],
    ["refuse", (hub) => this.#refuse(hub)],
    ["accept", (hub) => hub.behave()],
    ["mute", (hub) => this.#set(hub, { mute: true })],
    ["unmute", (hub) => this.#set(hub, { mute: false })],
    ["no watches", (hub) => this.#set(hub, { unwatchable: this.#random() < 0.5 })],
    ["misbehave", (hub) => hub.misbehave(this.#random)],
    ["misbehave", (hub) => hub.misbehave(this.#random)],
    ["compact", () => this.#world.compact(integerBelow(this.#random, 5))],
    ["wait", () => this.#clock.advance(integerBelow(this.#random, 8_000))],
    ["replace", () => this.#replace()],
    ["replace", () => this.#replace()],
    ["set back", () => this.#setBack()],
    ["fall behind", (hub) => this.#fallBehind(hub)],
    ["crash", (hub) => this.#crash(hub)],
    ["crash", (hub) => this.#crash(hub)],
  ]

  #set({ source }: SimulatedHub, state: { mute?: boolean; unwatchable?: boolean }): void {
    Object.assign(source, state)
  }

  #refuse({ source }: SimulatedHub): void {
    source.refusing = true
    source.cut()
  }

  // One hub is away while a reader of another one stops somewhere on the way, and comes back by a
  // list: of what came and went meanwhile it knows nothing, and is to remember that.
  async #fallBehind(hub: SimulatedHub): Promise<void> {
    const others = this.#hubs.filter((other) => other !== hub)
    const witness = pick(this.#random, this.#witnesses)
    await witness.leave()
    pick(this.#random, others).welcome(witness)
    this.#refuse(hub)
    const stop = integerBelow(this.#random, BEHIND_COMMITS)
    for (let turn = 0; turn < BEHIND_COMMITS; turn++) {
      this.#world.write(1)
      for (const { source } of others) source.stir()
      await this.#clock.settle()
      if (turn === stop) await witness.leave()
    }
    this.#world.compact(0)
    hub.behave()
    await this.#clock.advance(BEHIND_MS)
    hub.save()
  }

  #replace(): void {
    if (this.#random() < 0.6) return
    this.#world.replace()
    for (const { source } of this.#hubs) {
      source.replaceBy(this.#world.cluster, { cut: this.#random() < 0.7 })
    }
  }

  // Found out by the revision alone, so it must be met while that is still below: a hub cannot
  // be asked for what it has no way to notice.
  async #setBack(): Promise<void> {
    if (this.#random() < 0.6) return
    await this.#quiet()
    const epochs = this.#hubs.map(({ cache }) => cache.epoch)
    if (!this.#world.setBack()) return
    this.#wentBack = true
    for (const { source } of this.#hubs) source.replaceBy(this.#world.cluster, { cut: true })
    await this.#quiet()
    for (const [index, { name, cache }] of this.#hubs.entries()) {
      if (cache.epoch === epochs[index]) throw new Error(`${name}: history went back in one epoch`)
    }
  }

  // From an image twice out of three times, if there is one, and then from the newest every other
  // time. After a history went back, one who has not heard of that cannot know it, and is not asked
  // to, unless there is still less than its image holds: then it must find out.
  async #crash(hub: SimulatedHub): Promise<void> {
    const { images } = hub
    const isKept = this.#random() < 0.67 && images.length > 0
    const isNewest = isKept && this.#random() < 0.5
    const old = isKept && !isNewest ? pick(this.#random, images) : undefined
    const image = isNewest ? images[0] : old
    const isAbove = image !== undefined && isAboveAll(image, this.#world)
    if (this.#wentBack && !isAbove && image?.setBacks !== this.#world.setBacks) return
    this.#crashes += 1
    if (image) this.#restored.count(image, this.#world)
    await hub.crash(image)
    if (!isAbove) return this.#bereave()
    await this.#bereave()
    await this.#quiet()
    expectEqual("in one epoch", hub.cache.epoch === image.position.epoch, false)
  }

  // A witness that followed it has seen it go, and comes back at any time, at any hub.
  async #bereave(): Promise<void> {
    for (const witness of this.#witnesses) if (witness.isBereft) await witness.leave()
  }

  /** Lets everything come to rest, and compares. */
  async #quiet(): Promise<void> {
    this.#note("quiet")
    for (const hub of this.#hubs) hub.behave()
    for (const witness of this.#witnesses) pick(this.#random, this.#hubs).welcome(witness)
    for (let ms = 0; ms < QUIET_MS_MAX && !this.#rests(); ms += QUIET_STEP_MS) {
      await this.#clock.advance(QUIET_STEP_MS)
      this.#checkFailures()
    }
    for (const hub of this.#hubs) hub.check()
    const { cluster } = this.#world
    const wanted = shown(cluster.stateAt(cluster.revision))
    for (const witness of this.#witnesses) expectEqual("reader", shown(witness.held), wanted)
  }

  #rests(): boolean {
    const [any] = this.#hubs
    const arrived = this.#witnesses.every(({ position }) => any!.isAtRest(position))
    return arrived && this.#hubs.every((hub) => hub.rests)
  }

  #checkFailures(): void {
    for (const { failure } of [...this.#hubs, ...this.#witnesses]) {
      if (failure !== undefined) throw failure
    }
  }

  #note(line: string): void {
    this.transcript.push(`${this.#clock.elapsed()} ${line}`)
  }
}
