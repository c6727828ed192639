import { describe, expect, test } from "vitest"
import { type ClientEvent, type ClientState, TRANSITIONS } from "../src/client-state.ts"

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
const states = Object.keys(TRANSITIONS) as ClientState[]
const events = Object.keys(TRANSITIONS.idle) as ClientEvent[]

describe("TRANSITIONS", () => {
  const cells = states.flatMap((state) => events.map((event) => [state, event] as const))

  test.each(cells)("%s × %s", (state, event) => {
    const move = MOVES.find(([from, on]) => from === state && on === event)
    const after = event === "close" ? "closed" : (move?.[2] ?? state)

    expect(TRANSITIONS[state][event]).toBe(after)
  })

  test("closed is for good", () => {
    expect(new Set(Object.values(TRANSITIONS.closed))).toEqual(new Set(["closed"]))
  })
})
