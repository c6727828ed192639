import type { HubFrame } from "@headwater/client/source"
import { type Delta, type Entry, FrameError, type Position } from "@headwater/core"
import { Digest, readStreamId, type ValueKind } from "@headwater/protocol"
import { isSameBytes } from "./same-bytes.ts"

/** A change as a person sees it: a write of the same value again is none. */
export type TopicChange =
  | { readonly op: "put"; readonly entry: Entry; readonly previous: Entry | undefined }
  | {
      readonly op: "delete"
      readonly key: string
      readonly revision: number
      readonly previous: Entry | undefined
    }

/** The state moved to an id, in one step. */
export interface TopicStep {
  readonly position: Position
  readonly changes: readonly TopicChange[]
  /** A snapshot replaced the state: the changes are the difference to the state before it. */
  readonly isSnapshot: boolean
  /** The digest of the hub and of the state, where they were compared. */
  readonly digests: { readonly hub: string; readonly own: string } | undefined
}

type UnlandedDeltas = Map<string, Delta>

/**
 * The state of a topic, or of a part of it, as its stream tells it: frames go in, steps come out.
 *
 * As the replica of the client, with two differences that a command line needs: a value is kept as
 * the bytes that the hub has, and a state may begin at a position whose entries are not known
 * (`since`). It then knows the changes since, and cannot be proven. Source: PROTOCOL.md §6.
 */
export class TopicState {
  entries = new Map<string, Entry>()
  position: Position | undefined
  /** The kind of the values; known from the first `hello` on. */
  values: ValueKind = "json"
  /** The id to send as `Last-Event-ID`; `""` where none is known. */
  resume = ""
  /** The position to ask for by `since`, until an id is known. */
  readonly since: string
  #isWhole: boolean
  #digest = new Digest()
  #next: Map<string, Entry> | undefined
  #run: UnlandedDeltas = new Map()
  #floor = 0
  #epoch = ""

  /** @param since a position that the caller holds; absent for a snapshot. */
  constructor(since = "") {
    this.since = since
    this.#isWhole = since === ""
  }

  /** 16 hex digits over the entries, as the hub has them at the same position. */
  get digest(): string {
    return `${this.#digest}`
  }

  /** Begins another stream: the part after the last id is void. */
  begin(): void {
    this.#next = undefined
    this.#run = new Map()
  }

  /** Lets the next stream begin with a snapshot. */
  forget(): void {
    if (this.position) this.resume = `${this.position.epoch}.0`
  }

  /** Takes a frame; returns the step to an id that it makes. @throws {FrameError} out of turn. */
  take(frame: HubFrame): TopicStep | undefined {
    switch (frame.type) {
      case "hello": {
        this.values = frame.values
        this.#epoch = frame.epoch
        const at = readStreamId(this.resume || this.since || "0.0")
        this.#floor = frame.resumed ? (at?.revision ?? 0) : 0
        if (this.#floor === 0) this.#restart()
        return undefined
      }
      case "reset":
        this.#epoch = frame.epoch
        this.#floor = 0
        this.resume = frame.id
        this.#restart()
        return undefined
      case "snapshot":
        for (const entry of frame.entries) this.#takeDelta({ op: "put", ...entry })
        return undefined
      case "delta":
        for (const delta of frame.deltas) this.#takeDelta(delta)
        return frame.id && !this.#next ? this.#land(frame.id, undefined) : undefined
      case "sync":
        return this.#land(frame.id, frame.digest)
      case "status":
      case "goodbye":
      case "fault":
        return undefined
      default:
        return frame satisfies never
    }
  }

  #restart(): void {
    this.#next = new Map()
    this.#run = new Map()
  }

  #takeDelta(delta: Delta): void {
    const { key, revision } = delta
    if (this.#next) {
      applyTo(this.#next, delta)
      return
    }
    const before = this.#run.get(key)
    if (revision <= (before?.revision ?? this.#floor)) return
    const isTouchedPut = delta.op === "touch" && before?.op === "put"
    this.#run.set(key, isTouchedPut ? { ...before, revision } : delta)
  }

  #land(id: string, hub: string | undefined): TopicStep {
    const at = readStreamId(id)
    if (at === undefined || at.epoch !== this.#epoch) {
      throw new FrameError(`the id ${id} is of another epoch than the stream`, id)
    }
    const isSnapshot = this.#next !== undefined
    const changes = this.#next ? this.#replace(this.#next, at.epoch) : this.#applyRun()
    this.begin()
    this.position = { epoch: at.epoch, revision: at.revision }
    this.resume = id
    const digests = hub && this.#isWhole ? { hub, own: this.digest } : undefined
    return { position: this.position, changes, isSnapshot, digests }
  }

  #applyRun(): TopicChange[] {
    const changes: TopicChange[] = []
    for (const delta of this.#run.values()) {
      const { key, revision } = delta
      const previous = this.entries.get(key)
      if (previous && revision <= previous.revision) continue
      const isUnknown = previous === undefined && this.#isWhole
      if (isUnknown && delta.op !== "put") continue
      if (previous) this.#digest.remove(key, previous.revision)
      const next = applyTo(this.entries, delta)
      if (next) this.#digest.add(key, next.revision)
      if (delta.op === "delete") changes.push({ op: "delete", key, revision, previous })
      if (delta.op !== "put" || !next) continue
      if (!previous || !isSameBytes(previous.value, next.value)) {
        changes.push({ op: "put", entry: next, previous })
      }
    }
    return changes
  }

  #replace(next: Map<string, Entry>, epoch: string): TopicChange[] {
    const before = this.entries
    const isSameEpoch = this.position?.epoch === epoch
    const changes: TopicChange[] = []
    this.entries = next
    this.#isWhole = true
    this.#digest = new Digest()
    for (const entry of next.values()) {
      this.#digest.add(entry.key, entry.revision)
      const previous = before.get(entry.key)
      const isSame =
        previous !== undefined &&
        ((isSameEpoch && previous.revision === entry.revision) ||
          isSameBytes(previous.value, entry.value))
      if (!isSame) changes.push({ op: "put", entry, previous })
    }
    const { revision } = readStreamId(this.resume) ?? { revision: 0 }
    for (const previous of before.values()) {
      if (!next.has(previous.key)) {
        changes.push({ op: "delete", key: previous.key, revision, previous })
      }
    }
    return changes
  }
}

// Applies one delta. Returns the entry that the key then has.
function applyTo(entries: Map<string, Entry>, delta: Delta): Entry | undefined {
  const { key, revision } = delta
  const before = entries.get(key)
  if (before && revision <= before.revision) return before
  if (delta.op === "delete") {
    entries.delete(key)
    return undefined
  }
  if (delta.op === "touch" && !before) return undefined
  const value = delta.op === "put" ? delta.value : before!.value
  const entry = { key, value, revision }
  entries.set(key, entry)
  return entry
}
