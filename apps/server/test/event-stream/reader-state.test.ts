import type { StatusReport } from "@headwater/core"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  type Action,
  assertReaderState,
  type Landing,
  type Move,
  moveOn,
  newReader,
  type Order,
  type Present,
  type ReaderEvent,
  type ReaderState,
} from "../../src/event-stream/reader-state.ts"
import { Grammar } from "../support/grammar.ts"

const report: StatusReport = { status: "in-sync", statusSince: 0, lastContact: 0, invalid: 0 }
const sums = { entries: 0, digest: "0000000000000000" }
const bytes = new Uint8Array([1])
const start = { version: 7, floor: 3 }

/** A hub as a schedule at random sees it: time and revisions only grow. */
class Schedule {
  readonly #next: (below: number) => number
  #now = 0
  #revision = 3

  constructor(next: (below: number) => number) {
    this.#next = next
  }

  /** An event that an action can bring. */
  event(action: Action, state: ReaderState): ReaderEvent {
    this.#now += this.#next(5_000)
    this.#revision += this.#next(2)
    if (this.#next(40) === 0) return { type: "closing", reason: "shutdown" }
    if (this.#next(60) === 0) return { type: "left" }
    if (this.#next(60) === 0) return { type: "failed", error: new Error("x") }
    switch (action.type) {
      case "begin":
      case "step":
        return this.#stepEvent(state)
      case "count":
        return this.#pick<ReaderEvent>([
          { type: "counted", sums, at: this.#landing(), ...this.#present() },
          { type: "counted", sums, at: this.#landing(), ...this.#present() },
          { type: "due" },
          { type: "void", reason: "epoch-changed" },
        ])
      case "wait-for-permit":
        return this.#pick<ReaderEvent>([{ type: "granted", version: 0 }, { type: "due" }])
      case "rest":
        return this.#pick<ReaderEvent>([
          { type: "woken" },
          { type: "jumped", bytes, at: this.#landing() },
          { type: "jumped", bytes: undefined, at: this.#landing() },
        ])
      case "finish":
        throw new Error("nothing follows the end")
    }
  }

  #stepEvent({ phase, isRunOpen }: ReaderState): ReaderEvent {
    const events: ReaderEvent[] = [
      { type: "slice", bytes },
      { type: "slice", bytes: undefined },
      { type: "slice", bytes, at: this.#landing() },
      { type: "slice", bytes: undefined, at: this.#landing() },
      { type: "due" },
    ]
    const isNewest = this.#next(3) > 0
    if (!isRunOpen) events.push({ type: "idle", isNewest, ...this.#present() })
    if (phase !== "live") events.push({ type: "crowded" })
    if (this.#next(6) === 0) events.push({ type: "void", reason: "compacted" })
    return this.#pick(events)
  }

  #present(): Present {
    return {
      report,
      statusKey: `${this.#next(2)}`,
      now: this.#now,
      revision: this.#revision,
      isDue: this.#next(2) === 0,
      heartbeatMs: 4_000,
      syncIntervalMs: 30_000,
    }
  }

  #landing(): Landing {
    return { revision: this.#revision, id: `e.${this.#revision}` }
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#next(from.length)]!
  }
}

/** The frames of a move, as the grammar hears them. */
function hear(grammar: Grammar, state: ReaderState, { orders }: Move, isCatchUp: boolean): void {
  for (const order of orders) {
    const frame = frameOf(order, state, isCatchUp)
    if (frame !== undefined) grammar.hear(frame as Parameters<Grammar["hear"]>[0])
  }
}

function frameOf(order: Order, state: ReaderState, isCatchUp: boolean): object | undefined {
  switch (order.type) {
    case "comment":
      return undefined
    case "hello":
      return { type: "hello", resumed: order.start.reset === undefined }
    case "reset":
      return { type: "reset", id: "e.0" }
    case "bytes":
      return { type: "delta", id: isCatchUp ? undefined : state.id }
    case "closing-delta":
      return { type: "delta", id: order.at.id }
    case "sync":
      return { type: "sync", id: order.at.id }
    case "status":
      return { type: "status", report }
    case "goodbye":
      return { type: "goodbye", id: order.id }
    case "fault":
      return { type: "fault" }
  }
}

describe("a reader at random", () => {
  test("sends a stream of the protocol, and keeps its invariants, whatever comes", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(1_000_000)), fc.boolean(), (numbers, once) => {
        const schedule = new Schedule((below) => numbers.next().value % below)
        const grammar = new Grammar()
        let state = newReader(once)
        let move: Move = { state, orders: [], action: { type: "step" } }
        let event: ReaderEvent = { type: "started", start }
        for (let step = 0; step < 200; step++) {
          const isCatchUp = state.phase === "catching-up"
          move = moveOn(state, event)
          hear(grammar, move.state, move, isCatchUp)
          state = move.state
          assertReaderState(state)
          expect(state.phase === "ended").toBe(move.action.type === "finish")
          if (move.action.type === "finish") break
          event = schedule.event(move.action, state)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("a reader", () => {
  const resting: ReaderState = {
    ...newReader(false),
    phase: "resting",
    isWhole: true,
    wholeAt: 0,
    revision: 3,
    id: "e.3",
  }
  const at: Landing = { revision: 4, id: "e.4" }

  test("is changed by a delta in one way, on either road", () => {
    const { state: live } = moveOn(resting, { type: "woken" })
    const stepped = moveOn(live, { type: "slice", bytes, at })
    const jumped = moveOn(resting, { type: "jumped", bytes, at })

    expect(jumped.orders).toEqual(stepped.orders)
    expect({ ...jumped.state, phase: "live" }).toEqual(stepped.state)
  })

  test("closes a run whose changes were undone by an empty delta", () => {
    const { state: live } = moveOn(resting, { type: "woken" })
    const open = moveOn(live, { type: "slice", bytes }).state
    const closed = moveOn(open, { type: "slice", bytes: undefined, at })

    expect([open.id, closed.state.id]).toEqual([undefined, "e.4"])
    expect(closed.orders).toEqual([{ type: "closing-delta", at }])
  })

  test("refuses an event that its phase cannot meet", () => {
    expect(() => moveOn(resting, { type: "crowded" })).toThrow("the events of its phase")
  })
})
