import { describe, expect, test } from "vitest"
import {
  type ClientEvent,
  type ClientState,
  nextState,
  MOVES as TABLE,
} from "../src/client-state.ts"

// Every move there is; whatever is not here stays where it was.
const MOVES: readonly (readonly [ClientState, ClientEvent, ClientState])[] = [
  ["idle", "begin", "connecting"],
  ["connecting", "hello", "snapshot"],
  ["connecting", "lost", "waiting"],
  ["snapshot", "sync", "live"],
  ["snapshot", "lost", "waiting"],
  ["live", "reset", "snapshot"],
  ["live", "lost", "waiting"],
  ["waiting", "begin", "connecting"],
]
const states = Object.keys(TABLE) as ClientState[]
const events: readonly ClientEvent[] = ["begin", "hello", "reset", "sync", "lost", "close"]

describe("nextState", () => {
  const cells = states.flatMap((state) => events.map((event) => [state, event] as const))

  test.each(cells)("%s × %s", (state, event) => {
    const move = MOVES.find(([from, on]) => from === state && on === event)
    const after = event === "close" ? "closed" : (move?.[2] ?? state)

    expect(nextState(state, event)).toBe(after)
  })

  test("closed is for good", () => {
    expect(events.map((event) => nextState("closed", event))).toEqual(events.map(() => "closed"))
  })
})
