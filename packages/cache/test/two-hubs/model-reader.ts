import type { Position } from "@headwater/core"
import { type CatchUp, NOTHING_HELD, plan, walked } from "../../src/follow/catch-up.ts"
import type { Location } from "../../src/follow/location.ts"
import type { Below, History, State } from "./history.ts"
import type { Shown } from "./model-hub.ts"
import { Fault, type Rules } from "./rules.ts"

/** A hub, as its readers see it. */
export interface Readable {
  readonly shown: Shown | undefined
  locate(position: Position): Location
}

interface WireChange {
  readonly op?: "put" | "delete" | "touch"
  readonly key: string
  readonly value?: unknown
  readonly revision: number
}

const decoder = new TextDecoder()

/**
 * A reader as the protocol has it: it applies what stands between two ids in one step, and at each
 * id it compares what it holds with the source's state at that revision, and with the digest.
 */
export class ModelReader {
  position: Position | undefined
  #replica: State = new Map()
  #staged = new Map<string, { value: unknown; revision: number }>()
  #state: CatchUp = NOTHING_HELD
  #floor = 0
  #hub: Readable | undefined
  #lease: Shown["snapshot"] | undefined
  readonly #history: History
  readonly #options: {
    readonly below: Below
    readonly rules: Pick<Rules, "catchUp">
    readonly digestOf: (state: State) => string
  }

  constructor(
    history: History,
    options: {
      readonly below: Below
      readonly rules: Pick<Rules, "catchUp">
      readonly digestOf: (state: State) => string
    },
  ) {
    this.#history = history
    this.#options = options
  }

  /** True if it is not in the middle of a walk. */
  get isAtRest(): boolean {
    return this.#state.walk === undefined
  }

  /** Goes to a hub with what it holds. False when that hub is not there yet. */
  moveTo(hub: Readable): boolean {
    if (hub.shown === undefined) return false
    const located = this.position && hub.locate(this.position)
    if (located?.type === "ahead") return false
    this.#hub = hub
    this.#endLease()
    if (located?.type === "resume") {
      this.#state = { held: located.version }
      this.#staged = new Map(this.#replica)
      this.#floor = this.position?.revision ?? 0
    } else this.#beginAfresh()
    return true
  }

  /** One slice of a walk, within both bounds. Answers whether there was anything to do. */
  read({ visitsMax, bytesMax }: { visitsMax?: number; bytesMax?: number }): boolean {
    const shown = this.#hub?.shown
    if (shown === undefined) return false
    const { position, horizon } = shown
    const isLeased = this.#lease !== undefined && this.#state.walk !== undefined
    const snapshot = (isLeased ? this.#lease : undefined) ?? shown.snapshot
    const isSafe = isLeased || this.#options.rules.catchUp === "without-resets"
    const now = { version: snapshot.version, horizon: isSafe ? 0 : horizon }
    let next = plan(this.#state, now)
    if (next.type === "reset") {
      this.#beginAfresh()
      next = plan(this.#state, now)
    }
    if (next.type !== "walk") {
      const moved = position.revision !== this.position?.revision
      if (next.type === "idle" && moved) this.#arrive(shown)
      return moved
    }
    const { since, after } = next
    const request = { since, values: "json", bytesMax: bytesMax ?? 1e6, visitsMax } as const
    const result = snapshot.walk(after === undefined ? request : { ...request, after })
    const changes = JSON.parse(`[${decoder.decode(result.body)}]`) as WireChange[]
    for (const change of changes) this.#apply(change, since)
    this.#state = this.#walked(snapshot.version, result)
    if (this.#state.walk === undefined && !isLeased) this.#arrive(shown)
    // An id is due at the version that the walk was of; under a lease that may be an older one,
    // whose position is not known here any more: the next walk comes to the present.
    if (this.#state.walk === undefined) this.#endLease()
    else if (!isLeased && this.#options.below(3) === 0) this.#lease = snapshot.retain()
    return true
  }

  #endLease(): void {
    this.#lease?.dispose()
    this.#lease = undefined
  }

  #walked(version: number, result: Parameters<typeof walked>[2]): CatchUp {
    const began = this.#state.walk?.began ?? version
    const { catchUp } = this.#options.rules
    if (result.ended && catchUp === "ends-where-it-ended") return { held: version }
    if (result.ended && catchUp === "ends-where-it-began") return { held: began }
    return walked(this.#state, version, result)
  }

  #beginAfresh(): void {
    this.#state = NOTHING_HELD
    this.#staged = new Map()
    this.#floor = 0
    this.#endLease()
  }

  #apply({ op, key, value, revision }: WireChange, since: number): void {
    if ((op === undefined) !== (since === 0)) throw new Fault("ops are told since a version")
    const held = this.#staged.get(key)
    if (revision <= this.#floor || revision <= (held?.revision ?? 0)) return
    if (op === "delete") this.#staged.delete(key)
    else if (op !== "touch") this.#staged.set(key, { value, revision })
    else {
      if (held === undefined) throw new Fault(`a touch of ${key}, which the reader lacks`)
      this.#staged.set(key, { value: held.value, revision })
    }
  }

  #arrive({ position, snapshot }: Shown): void {
    const before = this.position?.revision ?? 0
    if (position.revision < before) throw new Fault(`from ${before} back to ${position.revision}`)
    this.position = position
    this.#replica = new Map(this.#staged)
    this.#floor = position.revision
    const held = textOf(this.#replica)
    const truth = textOf(this.#history.stateAt(position.revision))
    if (held !== truth) throw new Fault(`at ${position.revision}: holds ${held}, not ${truth}`)
    if (snapshot.size !== this.#replica.size) throw new Fault(`${snapshot.size} entries`)
    if (snapshot.digest !== this.#options.digestOf(this.#replica)) {
      throw new Fault(`at ${position.revision}: a false alarm of the digest`)
    }
  }
}

function textOf(state: State): string {
  return [...state]
    .map(([key, { value, revision }]) => `${key}=${JSON.stringify(value)}@${revision}`)
    .sort()
    .join()
}
