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

/** A difference between replica and hub, and its evidence. */
export interface Mismatch {
  /** The position at which the two were compared. */
  readonly position: Position
  /** The hub's digest; `undefined` at an id that came without one. */
  readonly hub: string | undefined
  /** The replica's digest there. */
  readonly replica: string
  /** A key that the hub touched, and that the replica lacks. */
  readonly keyLacking: string | undefined
}

/** The effect of a frame. Empty for most frames: state moves at ids only. */
export interface FrameEffect<Value = unknown> {
  /** The replica moved to an id in one step: each key that this changed, with its entry before. */
  readonly replaced?: ReadonlyMap<string, ReplicaEntry<Value> | undefined>
  /** The hub's digest was the replica's. */
  readonly isProven?: boolean
  readonly mismatch?: Mismatch | undefined
}

/** The entries of one state, and the digest over them. */
class EntryMap<Value> extends Map<string, ReplicaEntry<Value>> {
  readonly digest = new Digest()
}

/**
 * The replica state machine. Frames go in, whole states come out: a replica is never more, or less,
 * than its position says.
 *
 *   entries  the readable state; changes at an id, in one step
 *   run      the changes since the last id, one for each key
 *   next     the state that a snapshot builds up, unreadable until its `sync`
 *
 * Pure: no time, no I/O, no listeners. A frame out of turn is a `FrameError` and leaves the
 * readable state as it was. Memory: a run holds one change for each key, so at most about as much
 * as the hub; a snapshot under construction is a second replica. Source: PROTOCOL.md §6.
 */
export class ReplicaState<Value = unknown> {
  /** The readable state. The same map until a snapshot replaces it. */
  entries: EntryMap<Value> = new EntryMap()
  /** `entries` are the hub's at this position; undefined before the first whole state. */
  position: Position | undefined
  /** 16 hex digits over `entries`. */
  digest = `${this.entries.digest}`
  /**
   * The id from which the next stream is asked to resume: `""` where none is known, of revision 0
   * for a fresh snapshot.
   */
  resume = ""
  #next: EntryMap<Value> | undefined
  readonly #run = new Map<string, WireChange>()
  #epoch = ""
  // Undefined before the `hello` of a stream.
  #values: ValueKind | undefined
  #keyLacking: string | undefined
  // The revision that the stream was resumed from: changes up to it are repeats, also of keys that
  // were deleted since.
  #floor: Revision = 0

  /** Begins another stream: whatever the one before left unfinished is void. */
  begin(): void {
    this.#values = undefined
    this.#restart()
  }

  /** Lets the next stream be asked for a snapshot. Entries stay readable until that is whole. */
  forget(): void {
    if (this.position) this.resume = `${this.position.epoch}.0`
  }

  /**
   * Takes the next frame of the stream.
   *
   * @param isTolerant a snapshot with another digest than the hub's becomes readable; else it is
   *   dropped, and the stream is of no further use.
   * @throws {FrameError} the frame is out of turn, or a value is not of the topic's kind.
   */
  take(frame: Frame, isTolerant: boolean): FrameEffect<Value> {
    try {
      return this.#take(frame, isTolerant)
    } catch (cause) {
      throw new FrameError(`${frame.type} out of turn`, "", { cause })
    }
  }

  #take(frame: Frame, isTolerant: boolean): FrameEffect<Value> {
    const values = this.#values
    switch (frame.type) {
      case "hello": {
        const { epoch, revision } = readStreamId(this.resume || "0.0")!
        check(!values)
        this.#values = frame.values
        this.#epoch = frame.epoch
        this.#floor = frame.resumed ? revision : 0
        // A reader that knows nothing gets a snapshot, whatever `resumed` says.
        if (!this.#floor) this.#restart(new EntryMap())
        else check(epoch === frame.epoch)
        return {}
      }
      case "reset":
        check(values)
        this.#epoch = frame.epoch
        this.#floor = 0
        this.resume = frame.id
        this.#restart(new EntryMap())
        return {}
      case "snapshot":
        check(this.#next)
        for (const entry of frame.entries) this.#takeChange({ ...entry, op: "put" })
        return {}
      case "delta":
        check(values)
        for (const change of frame.changes) this.#takeChange(change)
        if (!frame.id) return {}
        check(!this.#next)
        return this.#land(frame.id, undefined, isTolerant)
      case "sync":
        check(values)
        return this.#land(frame.id, frame.digest, isTolerant)
      case "status":
      case "goodbye":
      case "fault":
        return {}
      default:
        // A new type of frame does not compile here until it has a case.
        return frame satisfies never
    }
  }

  #restart(next?: EntryMap<Value>): void {
    this.#next = next
    this.#run.clear()
    this.#keyLacking = undefined
  }

  // Reads the value now, because a step at an id must not fail half-way.
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

  // An equal value stays the same object, so that consumers can compare by identity.
  #valueOf({ key, value }: WireEntry): unknown {
    const kind = this.#values
    check(kind === "json" || typeof value === "string")
    const read = kind === "binary" ? bytesOf(value as string) : value
    const present = this.entries.get(key)?.value
    return isSameValue(present, read) ? present : read
  }

  // Moves the readable state to an id, in one step: by the run, or to a snapshot that is whole.
  #land(id: string, hub: string | undefined, isTolerant: boolean): FrameEffect<Value> {
    const { entries } = this
    const { epoch, revision } = readStreamId(id)!
    const next = this.#next
    const replaced = new Map<string, ReplicaEntry<Value> | undefined>()
    check(epoch === this.#epoch)
    check(next || revision >= this.position!.revision)
    for (const [key, change] of this.#run) {
      const before = entries.get(key)
      if (this.#apply(entries, change)) replaced.set(key, before)
    }

    const position = { epoch, revision }
    const keyLacking = this.#keyLacking
    const replica = `${(next ?? entries).digest}`
    const isSame = !keyLacking && (!hub || hub === replica)
    const mismatch = isSame ? undefined : { position, hub, replica, keyLacking }
    if (next) {
      if (mismatch && !isTolerant) return { mismatch }
      for (const key of new Set([...next.keys(), ...entries.keys()])) {
        const before = entries.get(key)
        const after = next.get(key)
        if (before?.value !== after?.value || before?.revision !== after?.revision) {
          replaced.set(key, before)
        }
      }
      this.entries = next
    }
    this.#restart()
    this.position = position
    this.digest = replica
    this.resume = id
    return { replaced, mismatch, isProven: isSame && !!hub }
  }

  // Applies one change. False for a repeat: a revision that is not above the entry's own.
  #apply(entries: EntryMap<Value>, change: WireChange): boolean {
    const { key, op, revision } = change
    const before = entries.get(key)
    if (!before && op === "touch") this.#keyLacking = key
    if (before ? revision <= before.revision : op !== "put") return false
    if (before) entries.digest.remove(key, before.revision)
    if (op === "delete") return entries.delete(key)
    // Values are of the type that the caller of `connect` names: nothing here looks into them.
    const value = (op === "put" ? change.value : before!.value) as Value
    entries.digest.add(key, revision)
    entries.set(key, { key, value, revision })
    return true
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

function check(condition: unknown): asserts condition {
  if (!condition) throw new TypeError()
}
