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

/** A state: its entries, and the digest over them. */
class Holding<Value> extends Map<string, ReplicaEntry<Value>> {
  readonly digest = new Digest()
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
  /** What is held. The same map until a snapshot replaces it. */
  held: Holding<Value> = new Holding()
  /** What is held is the state at this position; undefined before the first whole state. */
  position: Position | undefined
  /** 16 hex digits over what is held. */
  digest = `${this.held.digest}`
  /**
   * The id from which the next stream is asked to resume: `""` where none is known, of revision 0
   * for a fresh snapshot.
   */
  resume = ""
  #next: Holding<Value> | undefined
  readonly #run = new Map<string, WireChange>()
  #epoch = ""
  // Undefined before the `hello` of a stream.
  #values: ValueKind | undefined
  #keyLacking: string | undefined
  // What the stream was resumed from: changes up to here are repeats, also of keys deleted since.
  #floor: Revision = 0

  /** Another stream begins: what the one before left unfinished is void. */
  begin(): void {
    this.#values = undefined
    this.#restart()
  }

  /** Lets the next stream be asked for a snapshot; what is held stays until that is whole. */
  forget(): void {
    if (this.position) this.resume = `${this.position.epoch}.0`
  }

  /**
   * Takes the next frame of the stream.
   *
   * @param isTolerant whether a snapshot that does not match becomes what is held; else it is
   *   dropped, and the stream is of no use any more.
   * @throws {FrameError} out of turn, or a value that is not of the topic's kind.
   */
  take(frame: Frame, isTolerant: boolean): Outcome<Value> {
    try {
      return this.#take(frame, isTolerant)
    } catch (cause) {
      throw new FrameError(`unreadable ${frame.type}`, "", { cause })
    }
  }

  #take(frame: Frame, isTolerant: boolean): Outcome<Value> {
    const values = this.#values
    switch (frame.type) {
      case "hello": {
        const { epoch, revision } = readStreamId(this.resume || "0.0")!
        must(!values)
        this.#values = frame.values
        this.#epoch = frame.epoch
        this.#floor = frame.resumed ? revision : 0
        // Who said "nothing known" gets a snapshot, whatever the word for it.
        if (!this.#floor) this.#restart(new Holding())
        else must(epoch === frame.epoch)
        break
      }
      case "reset":
        must(values)
        this.#epoch = frame.epoch
        this.#floor = 0
        this.resume = frame.id
        this.#restart(new Holding())
        break
      case "snapshot":
        must(this.#next)
        for (const entry of frame.entries) this.#takeChange({ ...entry, op: "put" })
        break
      case "delta":
        must(values)
        for (const change of frame.changes) this.#takeChange(change)
        if (!frame.id) break
        must(!this.#next)
        return this.#land(frame.id, undefined, isTolerant)
      case "sync":
        must(values)
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
    const { key, op, revision } = wire
    const change = op === "put" ? { ...wire, value: this.#valueOf(wire) } : wire
    const before = this.#run.get(key)
    if (this.#next) this.#apply(this.#next, change)
    else if (revision > (before?.revision ?? this.#floor)) {
      if (op === "touch" && before?.op === "delete") this.#keyLacking = key
      // A touch of a value that is still on its way brings its revision only.
      this.#run.set(key, op === "touch" && before?.op === "put" ? { ...before, revision } : change)
    }
  }

  // A value that is held already stays the same object, so that its identity tells.
  #valueOf({ key, value }: WireEntry): unknown {
    const kind = this.#values
    must(kind === "json" || typeof value === "string")
    const read = kind === "binary" ? bytesOf(value as string) : value
    const held = this.held.get(key)?.value
    return isSameValue(held, read) ? held : read
  }

  // Moves what is held to an id, in one step: by the run, or to a snapshot that is whole now.
  #land(id: string, hub: string | undefined, isTolerant: boolean): Outcome<Value> {
    const { held } = this
    const { epoch, revision } = readStreamId(id)!
    const next = this.#next
    const replaced = new Map<string, ReplicaEntry<Value> | undefined>()
    must(epoch === this.#epoch && (next || revision >= this.position!.revision))
    for (const [key, change] of this.#run) {
      const before = held.get(key)
      if (this.#apply(held, change)) replaced.set(key, before)
    }

    const position = { epoch, revision }
    const keyLacking = this.#keyLacking
    const replica = `${(next ?? held).digest}`
    const isSame = !keyLacking && (!hub || hub === replica)
    const mismatch = isSame ? undefined : { position, hub, replica, keyLacking }
    if (next) {
      if (mismatch && !isTolerant) return { mismatch }
      for (const key of new Set([...next.keys(), ...held.keys()])) {
        const before = held.get(key)
        const after = next.get(key)
        if (before?.value !== after?.value || before?.revision !== after?.revision) {
          replaced.set(key, before)
        }
      }
      this.held = next
    }
    this.#restart()
    this.position = position
    this.digest = replica
    this.resume = id
    return { replaced, mismatch, isProven: isSame && !!hub }
  }

  // Applies one change, and tells whether it was one: what is not above its own is a repeat.
  #apply(holding: Holding<Value>, change: WireChange): boolean {
    const { key, op, revision } = change
    const held = holding.get(key)
    if (!held && op === "touch") this.#keyLacking = key
    if (held ? revision <= held.revision : op !== "put") return false
    if (held) holding.digest.remove(key, held.revision)
    if (op === "delete") return holding.delete(key)
    // The values are of the type that the caller of `connect` names: nothing here looks into them.
    const value = (op === "put" ? change.value : held!.value) as Value
    holding.digest.add(key, revision)
    holding.set(key, { key, value, revision })
    return true
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

function must(condition: unknown): asserts condition {
  if (!condition) throw new TypeError()
}
