import { Digest, decodeFrame, type Frame } from "@headwater/protocol"
import { integerBelow, pick, prng, seedFrom } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { assertInvariants } from "../src/replica-invariants.ts"
import { ReplicaState } from "../src/replica-state.ts"

interface Written {
  readonly key: string
  readonly revision: number
  readonly value?: number
  readonly valueBirth: number
}

/** A source with a memory of every revision. */
class History {
  readonly states: ReadonlyMap<string, Written>[] = [new Map()]
  epoch = "e0"

  get revision(): number {
    return this.states.length - 1
  }

  commit(random: () => number): void {
    const state = new Map(this.states.at(-1))
    const revision = this.states.length
    for (let writes = integerBelow(random, 5); writes >= 0; writes--) {
      const key = `k${integerBelow(random, 12)}`
      const before = state.get(key)
      const value = integerBelow(random, 3)
      if (random() < 0.3) state.set(key, { key, revision, valueBirth: revision })
      else {
        const isSame = before?.value === value
        state.set(key, { key, revision, value, valueBirth: isSame ? before.valueBirth : revision })
      }
    }
    this.states.push(state)
  }

  live(revision: number): Written[] {
    return [...this.states[revision]!.values()].filter(({ value }) => value !== undefined)
  }

  /** Changes after `since`, as of `until`: one per key, touches only of values sent by then. */
  changes(since: number, until: number): object[] {
    const changed = [...this.states[until]!.values()].filter(({ revision }) => revision > since)
    return changed.map(({ key, revision, value, valueBirth }) => {
      if (value === undefined) return { op: "delete", key, revision }
      if (valueBirth <= since) return { op: "touch", key, revision }
      return { op: "put", key, value, revision }
    })
  }
}

describe("ReplicaState", () => {
  test("is the hub's state at every id, whatever is cut, repeated or reset", () => {
    const seed = seedFrom(process.env.HEADWATER_SEED)
    const histories = process.env.HEADWATER_FULL === "1" ? 4_000 : 150
    for (let round = 0; round < histories; round++) runHistory(prng(seed + round))
  })
})

function runHistory(random: () => number): void {
  let history = new History()
  const state = new ReplicaState<number>()
  const histories = new Map([[history.epoch, history]])
  for (let stream = 0; stream < 12; stream++) {
    for (let commits = integerBelow(random, 6); commits >= 0; commits--) history.commit(random)
    if (random() < 0.1) {
      history = new History()
      history.epoch = `e${histories.size}`
      histories.set(history.epoch, history)
      history.commit(random)
    }
    state.begin()
    const frames = [...streamOf(history, state.resume || undefined, random)]
    const cutAt = random() < 0.5 ? integerBelow(random, frames.length + 1) : frames.length
    for (const frame of frames.slice(0, cutAt)) {
      const { mismatch, replaced } = state.take(frame, false)
      assertInvariants(state)
      expect(mismatch).toBeUndefined()
      if (replaced) expectWhole(state, histories)
    }
    if (state.position) expectWhole(state, histories)
  }
}

function expectWhole(state: ReplicaState<number>, histories: Map<string, History>): void {
  const { epoch, revision } = state.position!
  const expected = histories.get(epoch)!.live(revision)
  const entries = expected.map(({ key, value, revision }) => ({ key, value, revision }))
  const sorted = (list: Iterable<{ key: string }>) =>
    [...list].sort((a, b) => (a.key < b.key ? -1 : 1))

  expect(sorted(state.entries.values())).toEqual(sorted(entries))
  expect(state.digest).toBe(digestOf(expected))
}

// The frames that a hub may send to a reader with an id, by the grammar of the protocol.
function* streamOf(
  history: History,
  lastEventId: string | undefined,
  random: () => number,
): Generator<Frame> {
  const { epoch } = history
  const [fromEpoch, from] = lastEventId?.split(".") ?? []
  const isResumed = fromEpoch === epoch && Number(from) > 0 && random() < 0.8
  const frame = (type: string, data: object, id = "") =>
    decodeFrame(type, JSON.stringify(data), id)!
  const delta = (changes: object[], revision: number, id?: string) =>
    frame("delta", { revision, changes, ...(!id && { partial: true }) }, id)
  const sync = (revision: number) =>
    frame(
      "sync",
      { revision, entries: 0, digest: digestOf(history.live(revision)) },
      `${epoch}.${revision}`,
    )
  const fresh = function* () {
    // A walk over several states: entries as of some, then the changes since the first of them.
    const began = history.revision
    for (const entries of parts(history.live(began), random)) {
      yield frame("snapshot", {
        entries: entries.map(({ key, value, revision }) => ({ key, value, revision })),
      })
      if (random() < 0.3) yield frame("snapshot", { entries: entries.slice(0, 1) })
    }
    history.commit(random)
    for (const part of parts(history.changes(began, history.revision), random)) {
      yield delta(part, history.revision)
    }
    yield sync(history.revision)
  }

  yield frame("hello", {
    protocol: 1,
    topic: "default",
    epoch,
    values: "json",
    view: "",
    heartbeatMs: 8_000,
    frameBytesMax: 65_536,
    resumed: isResumed,
    policy: "conflate",
  })
  let at = history.revision
  if (isResumed) {
    // A hub may repeat entries that the reader has.
    const since = Math.max(1, Number(from) - integerBelow(random, 2))
    const changes = history
      .changes(since, at)
      .filter(
        ({ op, revision }: { op?: string; revision?: number }) =>
          op !== "touch" || revision! > Number(from),
      )
    for (const part of parts(changes, random)) yield delta(part, at)
    yield sync(at)
  } else {
    if (lastEventId && random() < 0.8)
      yield frame("reset", { reason: "compacted", epoch }, `${epoch}.0`)
    yield* fresh()
    at = history.revision
  }
  for (let steps = integerBelow(random, 6); steps > 0; steps--) {
    history.commit(random)
    const changes = history.changes(at, history.revision)
    at = history.revision
    const kind = pick(random, ["whole", "run", "run-sync", "refresh", "sync"])
    if (kind === "refresh") {
      yield frame("reset", { reason: "compacted", epoch }, `${epoch}.0`)
      yield* fresh()
      at = history.revision
    } else if (kind === "whole") yield delta(changes, at, `${epoch}.${at}`)
    else {
      for (const part of parts(changes, random)) yield delta(part, at)
      yield kind === "run" ? delta([], at, `${epoch}.${at}`) : sync(at)
    }
  }
}

function* parts<T>(items: T[], random: () => number): Generator<T[]> {
  for (let at = 0; at < items.length; ) {
    const next = at + 1 + integerBelow(random, 4)
    yield items.slice(at, next)
    at = next
  }
}

function digestOf(entries: readonly { key: string; revision: number }[]): string {
  const digest = new Digest()
  for (const { key, revision } of entries) digest.add(key, revision)
  return `${digest}`
}
