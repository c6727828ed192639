import type { Change, Position } from "@headwater/core"
import { epochOf } from "@headwater/syncer"
import { integerBelow, pick } from "../prng.ts"
import { ModelCluster, type ModelState } from "./model-cluster.ts"

/** The salt of the epochs of every hub of a simulation: they show the same. */
export const SALT = "simulated"

const KEYS = ["a", "a/b", "a/b/c", "ab", "b", "ключ", "e", "f"]
const DIRECTORIES = ["a", "a/b", "b", "ключ"]
const utf8 = new TextEncoder()

/**
 * All clusters of a simulation, which of them answers now, and whose every epoch is.
 *
 * The name of a life that was set back is a hub's own: who it is of is known by what was listed.
 */
export class ModelWorld {
  readonly #random: () => number
  readonly #note: (line: string) => void
  readonly #clusters = new Map<string, ModelCluster>()
  readonly #setBack = new Set<string>()
  /** The number of times that a history went back. */
  setBacks = 0
  #made = 0
  /** The cluster that answers now. */
  cluster: ModelCluster

  constructor(random: () => number, note: (line: string) => void) {
    this.#random = random
    this.#note = note
    this.cluster = this.#fresh()
  }

  /** Lives of sources that there were. */
  get epochs(): number {
    return this.#clusters.size
  }

  /** Some commits, of up to three changes each. */
  write(commits: number): void {
    for (let turn = 0; turn < commits; turn++) {
      const count = 1 + integerBelow(this.#random, 3)
      const keys = new Set(Array.from({ length: count }, () => pick(this.#random, KEYS)))
      const changes = [...keys].map((key) => this.#change(key))
      this.#note(`  revision ${this.cluster.commit(changes)}: ${changes.map(tell)}`)
    }
  }

  /** Deletes a directory whole. */
  deleteDirectory(): void {
    const name = pick(this.#random, DIRECTORIES)
    this.#note(`  revision ${this.cluster.deleteDirectory(name)}: all of ${name}`)
  }

  /** Forgets history, up to so many of the newest commits. */
  compact(kept: number): void {
    this.cluster.compact(this.cluster.revision - kept)
  }

  /** Another cluster answers from now on: a fresh one, or one of before. */
  replace(): void {
    const known = [...new Set(this.#clusters.values())]
    const cluster = this.#random() < 0.3 ? pick(this.#random, known) : this.#fresh()
    // One that was set back is known by its identity alone: what was before it cannot come back.
    const newest = known.filter(({ identity }) => identity === cluster.identity).at(-1)
    const ahead = this.cluster.revision + 2
    this.cluster = newest ?? cluster
    this.#note(`  by ${cluster.identity}`)
    // One that is ahead answers a watch meant for the one before with words, not with silence.
    if (this.#random() >= 0.7) return
    while (this.cluster.revision < ahead) this.write(1)
  }

  /** The same cluster, with a part of its history undone. False when it has none. */
  setBack(): boolean {
    const { cluster } = this
    if (cluster.revision < 3) return false
    const revision = 1 + integerBelow(this.#random, cluster.revision - 1)
    this.cluster = new ModelCluster(cluster.identity, { cluster, revision })
    this.#setBack.add(cluster.identity)
    this.setBacks += 1
    this.#note(`  to ${revision}`)
    return true
  }

  /** A hub names the life of what it listed: as all do, or its own where history went back. */
  name(epoch: string, cluster: ModelCluster): void {
    if (this.#clusters.has(epoch)) return
    const { identity } = cluster
    if (!this.#setBack.has(identity))
      throw new Error(`${identity} never went back, but is ${epoch}`)
    this.#clusters.set(epoch, cluster)
  }

  /** Whose epoch it is. */
  clusterOf({ epoch }: Position): ModelCluster {
    const known = this.#clusters.get(epoch)
    if (known === undefined) throw new Error(`epoch ${epoch} belongs to no cluster`)
    return known
  }

  /** The state at a position. */
  stateAt(position: Position): ModelState {
    return this.clusterOf(position).stateAt(position.revision)
  }

  #change(key: string): Change {
    if (this.#random() < 0.35) return { op: "delete", key }
    return { op: "put", key, value: utf8.encode(`${integerBelow(this.#random, 4)}`) }
  }

  #fresh(): ModelCluster {
    this.#made += 1
    const cluster = new ModelCluster(`cluster ${this.#made}`)
    this.#clusters.set(epochOf({ identity: cluster.identity }, SALT), cluster)
    return cluster
  }
}

function tell(change: Change): string {
  return `${change.op} ${change.key}`
}
