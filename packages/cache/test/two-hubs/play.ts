import { integerBelow, prng } from "@headwater/testing"
import { type Below, History } from "./history.ts"
import { type HubImage, ModelHub } from "./model-hub.ts"
import { ModelReader } from "./model-reader.ts"
import { modelDigest } from "./model-trie.ts"
import { Fault, type Rules } from "./rules.ts"

/** A run of the model. The frequency of each actor is drawn anew for each run. */
class Play {
  readonly below: Below
  readonly history: History
  readonly hubs: ModelHub[]
  readonly readers: ModelReader[]
  readonly #rules: Rules
  readonly #keys: string[]
  readonly #temper: Readonly<
    Record<"write" | "hub" | "read" | "stay" | "visits" | "slices" | "runs", number>
  >
  readonly #images: (HubImage | undefined)[] = []

  constructor(seed: number, rules: Rules) {
    const random = prng(seed)
    this.below = (bound) => integerBelow(random, bound)
    this.#rules = rules
    const upTo = (bound: number) => 1 + this.below(bound)
    this.#temper = {
      write: upTo(4),
      hub: upTo(4),
      read: upTo(6),
      stay: 1 + upTo(8),
      visits: upTo(4),
      slices: upTo(3),
      runs: 3 + upTo(12),
    }
    this.#keys = Array.from({ length: 3 + this.below(7) }, (_, index) => `k${index}`)
    this.history = new History(1 + this.below(3))
    this.hubs = [this.#hub(), this.#hub()]
    const digestOf = (state: ReadonlyMap<string, { readonly revision: number }>) =>
      modelDigest([...state].map(([key, { revision }]) => ({ key, revision })))
    const options = { below: this.below, rules, digestOf }
    this.readers = [new ModelReader(this.history, options), new ModelReader(this.history, options)]
  }

  /** A step of one actor. */
  step(): void {
    const { write, hub, read } = this.#temper
    const kind = this.below(write + hub + read)
    if (kind < write) this.write()
    else if (kind < write + hub) this.hub(this.below(2))
    else this.read(this.below(2))
  }

  /** Adds a commit. */
  write(): void {
    this.history.commitAny(this.#keys, this.below)
  }

  /** A hub hears something, or starts again: afresh, or from its image. */
  hub(which: number): void {
    const kind = this.below(this.#temper.runs)
    if (kind > 1) {
      this.hubs[which]?.step()
      return
    }
    if (kind === 1) this.#images[which] = this.hubs[which]?.save()
    if (kind === 1 && this.below(2) === 0) return
    this.hubs[which] = this.#hub(this.below(3) > 0 ? this.#images[which] : undefined)
  }

  /** A reader reads on, or goes to a hub, at an id or in the middle. */
  read(which: number): void {
    const reader = this.readers[which] as ModelReader
    const isLost = reader.position === undefined && reader.isAtRest
    if (isLost || this.below(this.#temper.stay) === 0)
      reader.moveTo(this.hubs[this.below(2)] as ModelHub)
    for (let slices = 1 + this.below(this.#temper.slices); slices > 0; slices--) {
      reader.read({ visitsMax: 1 + this.below(this.#temper.visits) })
    }
  }

  /** All is heard and read. */
  end(): void {
    for (const hub of this.hubs) hub.catchUp()
    for (const [index, reader] of this.readers.entries()) {
      if (!reader.moveTo(this.hubs[index] as ModelHub)) throw new Fault("ahead of the source")
      for (let slices = 0; reader.read({ visitsMax: 4 }); slices++) {
        if (slices > 1_000) throw new Fault("a reader never comes to the end")
      }
      if (reader.position?.revision !== this.history.head) throw new Fault("not at the end")
    }
  }

  #hub(image?: HubImage): ModelHub {
    const [low, high] = [1 + this.below(4), 1 + this.below(4)]
    const hashes = new Map(
      this.#keys.map((key) => [key, this.below(low) | (this.below(high) << 5)]),
    )
    const options = { below: this.below, hashOf: (key: string) => hashes.get(key) ?? 0 }
    // A second start from one image is of that image, not of what became of the first.
    const copy = image && { ...image, trie: image.trie.load(image.trie.snapshot()) }
    return new ModelHub(this.history, this.#rules, options, copy)
  }
}

/** Plays one random history of some dozen steps. Answers what went wrong, if anything. */
export function playAny(seed: number, rules: Rules): string | undefined {
  return faultOf(() => {
    const play = new Play(seed, rules)
    for (let steps = 12 + play.below(30); steps > 0; steps--) play.step()
    play.end()
  })
}

/** The actor of the next step. */
export type Actor = "source" | "hub" | "reader"

/** Plays steps in an order. What is done is the seed's, so that only the order differs. */
export function playOrder(seed: number, order: readonly Actor[], rules: Rules): string | undefined {
  return faultOf(() => {
    const play = new Play(seed, rules)
    for (const [index, actor] of order.entries()) {
      if (actor === "source") play.write()
      else if (actor === "hub") play.hub(index % 2)
      else play.read(play.below(2))
    }
    play.end()
  })
}

/** Every order of so many steps each. */
export function* ordersOf(left: Readonly<Record<Actor, number>>): Generator<Actor[]> {
  const actors = (["source", "hub", "reader"] as const).filter((actor) => left[actor] > 0)
  if (actors.length === 0) yield []
  for (const actor of actors) {
    for (const rest of ordersOf({ ...left, [actor]: left[actor] - 1 })) yield [actor, ...rest]
  }
}

function faultOf(run: () => void): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return error.message
    throw error
  }
}
