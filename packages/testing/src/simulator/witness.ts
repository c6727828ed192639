import type { CacheFrame, SnapshotCache } from "@headwater/cache"
import type { Delta, Entry, Position } from "@headwater/core"
import type { ModelState } from "./model-cluster.ts"

const LEFT = new Error("the reader left")

/** Which state a position is of. */
export type Oracle = (position: Position) => ModelState

/**
 * A reader who believes nothing: it follows a cache as a reader does, leaves and comes back, and
 * compares what it holds with the truth at every position that it is told.
 *
 * It finds a change that is missing, one that is told twice, a delete that is told twice, a key
 * whose revision goes back, a position that goes back, and half a commit at a position.
 */
export class Witness {
  /** Positions at which everything was compared. */
  compared = 0
  /** Times it came back to a position and was served from there. */
  resumed = 0
  failure: unknown
  readonly #oracle: Oracle
  #held: ReadonlyMap<string, Entry> = new Map()
  #staged = new Map<string, Entry>()
  /** Revision last told of each key, deletes included, since the last reset. */
  #told = new Map<string, number>()
  #position: Position | undefined
  /** Until the first position after coming back, changes up to where it was may be told again. */
  #returning: Position | undefined
  #cache: SnapshotCache | undefined
  #abort: AbortController | undefined
  #following: Promise<void> = Promise.resolve()

  constructor(oracle: Oracle) {
    this.#oracle = oracle
  }

  /**
   * Comes, or comes back with where it left, be that another cache. Does nothing while it is there.
   *
   * @returns what is aborted when it leaves; nothing when it did not come.
   */
  arrive(cache: SnapshotCache): AbortSignal | undefined {
    if (this.#abort !== undefined) return undefined
    this.#cache = cache
    this.#abort = new AbortController()
    this.#staged = new Map(this.#held)
    this.#returning = this.#position
    this.#following = this.#follow(cache, this.#abort)
    return this.#abort.signal
  }

  /** Leaves, and keeps what it held at the last position. */
  async leave(): Promise<void> {
    this.#abort?.abort(LEFT)
    await this.#following
    this.#cache = undefined
    this.#abort = undefined
  }

  /** True if it follows a cache that has been closed. */
  get isBereft(): boolean {
    return this.#cache?.closed === true
  }

  /** Its state at its position. */
  get held(): ModelState {
    return this.#held
  }

  /** The last position that it was told. */
  get position(): Position | undefined {
    return this.#position
  }

  async #follow(cache: SnapshotCache, { signal }: AbortController): Promise<void> {
    try {
      const frames = cache.follow(this.#position, { type: "conflate" }, signal)
      for await (const frame of frames) this.#see(frame)
    } catch (error) {
      if (!signal.aborted && !cache.closed) this.failure ??= error
    }
  }

  #see(frame: CacheFrame): void {
    if (frame.type === "reset") {
      this.#staged = new Map()
      this.#told = new Map()
      this.#position = undefined
      this.#returning = undefined
    } else if (frame.type === "entries") {
      for (const entry of frame.entries) this.#put(entry)
    } else if (frame.type === "delta") {
      for (const delta of frame.deltas) this.#apply(delta)
      if (frame.position) this.#stand(frame.position)
    } else if (frame.type === "sync") {
      this.#stand(frame.position)
      expectEqual("entries of a sync", frame.entries, this.#held.size)
    }
  }

  #apply(delta: Delta): void {
    const { op, key, revision } = delta
    const back = this.#returning?.revision ?? 0
    if (revision <= back) return
    if (op === "put") {
      this.#put(delta)
      return
    }
    this.#rise(key, revision)
    const own = this.#staged.get(key)
    if (op === "delete") this.#staged.delete(key)
    else if (own === undefined) throw new Error(`touch of ${key}, which it does not hold`)
    else this.#staged.set(key, { ...own, revision })
  }

  #put({ key, value, revision }: Entry): void {
    this.#rise(key, revision)
    this.#staged.set(key, { key, value, revision })
  }

  #rise(key: string, revision: number): void {
    const before = this.#told.get(key) ?? 0
    if (revision <= before) throw new Error(`${key} at ${revision} was told after ${before}`)
    this.#told.set(key, revision)
  }

  #stand(position: Position): void {
    const before = this.#position
    if (before !== undefined) {
      expectEqual("epoch without a reset", position.epoch, before.epoch)
      if (position.revision < before.revision) {
        throw new Error(`position ${position.revision} after ${before.revision}`)
      }
    }
    if (this.#returning !== undefined) this.resumed += 1
    this.#returning = undefined
    this.#position = position
    this.#held = new Map(this.#staged)
    const truth = shown(this.#oracle(position))
    expectEqual(`state at ${position.revision}`, show(this.#held), truth)
    this.compared += 1
  }
}

const utf8 = new TextDecoder()

/** A state as one line of text, in the order of its keys. */
export function show(state: Iterable<readonly [string, Entry]>): string {
  const entries = [...state].map(([key, { value, revision }]) => {
    return `${key}=${utf8.decode(value)}@${revision}`
  })
  return entries.sort().join(" ")
}

/** As `show`, of a state that does not change any more: made once. */
export function shown(state: ModelState): string {
  const before = SHOWN.get(state)
  if (before !== undefined) return before
  const text = show(state)
  SHOWN.set(state, text)
  return text
}

const SHOWN = new WeakMap<ModelState, string>()

/** Throws an error that says both, where they differ. */
export function expectEqual(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what}: ${found}\nnot ${wanted}`)
}
