import { FrameError, type Position, type Revision } from "@headwater/core"
import {
  Digest,
  type Frame,
  readStreamId,
  type ValueKind,
  type WireChange,
  type WireEntry,
} from "@headwater/protocol"
import { isSameValue } from "./same-value.ts"
import type { ReplicaEntry } from "./snapshot.ts"

/** That the replica is not what the hub holds, and how that was found. */
export interface Mismatch {
  /** Where the hub said what should be held. */
  readonly position: Position
  /** The hub's digest; `undefined` at an id that came without one. */
  readonly hub: string | undefined
  /** The replica's digest there. */
  readonly replica: string
  /** A key that the hub touched, and that the replica lacks. */
  readonly keyLacking: string | undefined
}

/** What a frame brought about. Nothing at all for most frames: state moves at ids only. */
export interface Outcome<Value = unknown> {
  /** The replica moved to an id in one step. What stood before under each key that it changed. */
  readonly replaced?: ReadonlyMap<string, ReplicaEntry<Value> | undefined>
  /** The hub's digest was the replica's. */
  readonly isProven?: boolean
  readonly mismatch?: Mismatch | undefined
}

interface Holding<Value> {
  readonly entries: Map<string, ReplicaEntry<Value>>
  readonly digest: Digest
}

/**
 * Frames in, whole states out: the rule that a replica is never more, or less, than its position
 * says.
 *
 *   held   what readers see; changes at an id, in one step
 *   run    what came since the last id, one change a key
 *   next   the state that a snapshot builds up, apart from what is held until its `sync`
 *
 * Pure: no time, no I/O, no listeners. A frame that comes out of turn is a `FrameError`, and leaves
 * what is held as it was. Memory: a run holds one change a key, so at most about what the hub
 * holds; a snapshot under construction is a second replica. Source: PROTOCOL.md §6.
 */
export class Assembly<Value = unknown> {
  #held: Holding<Value> = emptyHolding()
  #next: Holding<Value> | undefined
  /** The id from which the next stream is asked to resume; `""` where none is known. */
  resume = ""
  readonly #run = new Map<string, WireChange>()
  #position: Position | undefined
  #epoch = ""
  // Undefined before the `hello` of a stream.
  #values: ValueKind | undefined
  #keyLacking: string | undefined
  // What the stream was resumed from: changes up to here are repeats, also of keys deleted since.
  #floor: Revision = 0

  /** What is held. The same map until a snapshot replaces it. */
  get held(): ReadonlyMap<string, ReplicaEntry<Value>> {
    return this.#held.entries
  }

  /** What is held is the state at this position; undefined before the first whole state. */
  get position(): Position | undefined {
    return this.#position
  }

  /** 16 hex digits over what is held. */
  get digest(): string {
    return `${this.#held.digest}`
  }

  /**
   * Another stream begins: what the one before left unfinished is void. Returns the id to resume
   * from: `""` where none is known, of revision 0 for a fresh snapshot.
   */
  begin(): string {
    this.#values = undefined
    this.#restart()
    return this.resume
  }

  /**
   * Makes this what is held, as it was when a stream gave the id to resume from.
   *
   * @returns what stood before under each key: nothing.
   */
  fill(
    entries: Iterable<ReplicaEntry<Value>>,
    position: Position,
    resume: string,
  ): Map<string, undefined> {
    const replaced = new Map<string, undefined>()
    for (const entry of entries) {
      put(this.#held, entry)
      replaced.set(entry.key, undefined)
    }
    this.#position = position
    this.resume = resume
    return replaced
  }

  /** Lets the next stream be asked for a snapshot; what is held stays until that is whole. */
  forget(): void {
    this.resume = this.#position ? `${this.#position.epoch}.0` : ""
  }

  /**
   * Takes the next frame of the stream.
   *
   * @param isTolerant whether a snapshot that does not match becomes what is held; else it is
   *   dropped, and the stream is of no use any more.
   * @throws {FrameError} out of turn, or a value that is not of the topic's kind.
   */
  take(frame: Frame, isTolerant: boolean): Outcome<Value> {
    const { type } = frame
    if (type === "status" || type === "goodbye" || type === "fault") return {}
    const values = this.#values
    const next = this.#next
    if ((type === "hello") === !!values) throw outOfTurn(type)
    switch (type) {
      case "hello": {
        const { epoch, revision } = readStreamId(this.resume || "0.0")!
        this.#values = frame.values
        this.#epoch = frame.epoch
        this.#floor = frame.resumed ? revision : 0
        // Who said "nothing known" gets a snapshot, whatever the word for it.
        if (!frame.resumed || !revision) this.#restart(emptyHolding())
        else if (epoch !== frame.epoch) throw outOfTurn(type)
        break
      }
      case "reset":
        this.#epoch = frame.epoch
        this.#floor = 0
        this.resume = frame.id
        this.#restart(emptyHolding())
        break
      case "snapshot":
        if (!next) throw outOfTurn(type)
        for (const entry of frame.entries) put(next, entryOf(entry, values))
        break
      case "delta":
        for (const change of frame.changes) this.#takeChange(change)
        if (!frame.id) break
        if (next) throw outOfTurn(type)
        return this.#land(frame.id, undefined, isTolerant)
      case "sync":
        return this.#land(frame.id, frame.digest, isTolerant)
    }
    return {}
  }

  #restart(next?: Holding<Value>): void {
    this.#next = next
    this.#run.clear()
    this.#keyLacking = undefined
  }

  // Values are read here, because what is applied at an id must not fail half-way.
  #takeChange(wire: WireChange): void {
    const change = wire.op === "put" ? { ...wire, ...entryOf(wire, this.#values) } : wire
    const { key, op, revision } = change
    const before = this.#run.get(key)
    if (this.#next) this.#apply(this.#next, change)
    else if (revision > (before?.revision ?? this.#floor)) {
      if (op === "touch" && before?.op === "delete") this.#keyLacking = key
      // A touch of a value that is still on its way brings its revision only.
      this.#run.set(key, op === "touch" && before?.op === "put" ? { ...before, revision } : change)
    }
  }

  // Moves what is held to an id, in one step: by the run, or to a snapshot that is whole now.
  #land(id: string, hub: string | undefined, isTolerant: boolean): Outcome<Value> {
    const { epoch, revision } = readStreamId(id)!
    const next = this.#next
    const { entries } = this.#held
    const replaced = new Map<string, ReplicaEntry<Value> | undefined>()
    if (epoch !== this.#epoch || (!next && revision < this.#position!.revision)) throw outOfTurn(id)
    for (const [key, change] of this.#run) {
      const previous = entries.get(key)
      if (this.#apply(this.#held, change)) replaced.set(key, previous)
    }

    const keyLacking = this.#keyLacking
    const replica = `${(next ?? this.#held).digest}`
    const isSame = !keyLacking && (!hub || hub === replica)
    const mismatch = isSame
      ? undefined
      : { position: { epoch, revision }, hub, replica, keyLacking }
    if (next) {
      if (mismatch && !isTolerant) return { mismatch }
      differ(entries, next.entries, replaced)
      this.#held = next
    }
    this.#restart()
    this.#position = { epoch, revision }
    this.resume = id
    return { replaced, mismatch, isProven: isSame && !!hub }
  }

  // Applies one change, and tells whether it was one: what is not above its own is a repeat.
  #apply(holding: Holding<Value>, change: WireChange): boolean {
    const { key, op, revision } = change
    const held = holding.entries.get(key)
    if (op === "put") return put(holding, change as ReplicaEntry<Value>)
    if (!held && op === "touch") this.#keyLacking = key
    if (!held || revision <= held.revision) return false
    if (op === "touch") return put(holding, { ...held, revision })
    holding.digest.remove(key, held.revision)
    return holding.entries.delete(key)
  }
}

// Puts what is not above its own nowhere. A value that is the same stays the same object, so that
// its identity tells.
function put<Value>({ entries, digest }: Holding<Value>, entry: ReplicaEntry<Value>): boolean {
  const { key, value, revision } = entry
  const held = entries.get(key)
  if (held) {
    if (revision <= held.revision) return false
    digest.remove(key, held.revision)
  }
  digest.add(key, revision)
  entries.set(key, { key, value: keptValue(held, value), revision })
  return true
}

// Finds what a finished snapshot changes of what was held.
function differ<Value>(
  before: ReadonlyMap<string, ReplicaEntry<Value>>,
  after: Map<string, ReplicaEntry<Value>>,
  replaced: Map<string, ReplicaEntry<Value> | undefined>,
): void {
  for (const [key, entry] of after) {
    const previous = before.get(key)
    const value = keptValue(previous, entry.value)
    after.set(key, { ...entry, value })
    if (previous?.value !== value || previous.revision !== entry.revision) {
      replaced.set(key, previous)
    }
  }
  for (const [key, previous] of before) if (!after.has(key)) replaced.set(key, previous)
}

function keptValue<Value>(held: ReplicaEntry<Value> | undefined, value: Value): Value {
  return held && isSameValue(held.value, value) ? held.value : value
}

function emptyHolding<Value>(): Holding<Value> {
  return { entries: new Map(), digest: new Digest() }
}

// The values are of the type that the caller of `connect` names: nothing here looks into them.
function entryOf<Value>(
  { key, value, revision }: WireEntry,
  kind?: ValueKind,
): ReplicaEntry<Value> {
  if (kind !== "json" && typeof value !== "string") throw new FrameError(`not ${kind}`, key)
  return { key, value: (kind === "binary" ? bytesOf(value as string) : value) as Value, revision }
}

function bytesOf(base64: string): Uint8Array {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
  } catch (cause) {
    throw new FrameError("not base64", base64, { cause })
  }
}

function outOfTurn(what: string): FrameError {
  return new FrameError("out of turn", what)
}
