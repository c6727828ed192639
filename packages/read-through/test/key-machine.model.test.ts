import type { FetchResult } from "@headwater/core"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { type KeyEffect, type KeyEvent, step } from "../src/key-machine.ts"
import {
  assertKeyState,
  isReset,
  type KeyPhase,
  type KeyRules,
  type KeyState,
  NEW_KEY,
} from "../src/key-state.ts"

const FULL = process.env.HEADWATER_FULL === "1"
const TEST_MS = 600_000

const PHASES: readonly KeyPhase[] = ["idle", "throttled", "fetching", "resting", "cooling", "gone"]
const EVENTS: readonly KeyEvent<string>["type"][] = [
  "want",
  "grant",
  "answer",
  "fail",
  "contact",
  "due",
  "fill",
  "remove",
  "close",
]

/** The activity by the effects alone: the edge in three lines. */
class Edge {
  activity: "none" | "throttle" | "fetch" | "rest" = "none"
  woken = 0

  act(effect: KeyEffect): void {
    if (effect.type === "wake") this.woken += 1
    if (effect.type === "stop") this.activity = "none"
    if (effect.type === "throttle" || effect.type === "fetch" || effect.type === "rest") {
      expect(this.activity).toBe("none")
      this.activity = effect.type
    }
  }
}

const ACTIVITY: Readonly<Record<KeyPhase, Edge["activity"]>> = {
  idle: "none",
  throttled: "throttle",
  fetching: "fetch",
  resting: "rest",
  cooling: "rest",
  gone: "none",
}

const result: fc.Arbitrary<FetchResult<string>> = fc.record(
  {
    value: fc.constantFrom("a", "b"),
    revision: fc.integer({ min: 0, max: 6 }),
    epoch: fc.constantFrom("e1", "e2"),
    notModified: fc.boolean(),
    state: fc.constantFrom("s", "t"),
  },
  { requiredKeys: ["revision"] },
)

const rules: fc.Arbitrary<KeyRules> = fc.record({
  blocking: fc.boolean(),
  refresh: fc.boolean(),
  refreshMs: fc.constantFrom(0, 500),
  queryTimeoutMs: fc.constantFrom(1_000, 600_000),
})

// `age` is how many attempts ago the read began that an event is of.
const happening = fc.record({
  type: fc.constantFrom(...EVENTS),
  result,
  age: fc.constantFrom(0, 0, 0, 1),
  passMs: fc.constantFrom(0, 0, 1, 5_000),
  flag: fc.boolean(),
})

describe("the machine of a key", () => {
  test("CC-W4: has an answer in every phase to every event, and gone is final", () => {
    for (const phase of PHASES) {
      for (const type of EVENTS) {
        const state: KeyState<string> = { ...NEW_KEY, phase, attempt: 1 }
        const [next, effects] = step(state, eventOf(type, state, 0), {
          blocking: true,
          refresh: true,
          refreshMs: 0,
          queryTimeoutMs: 1_000,
        })
        expect(PHASES).toContain(next.phase)
        if (phase === "gone") expect([next, effects]).toEqual([state, []])
      }
    }
  })

  test(
    "CC-B14, CC-B26, CC-E7: one activity at a time, all waiters woken, nothing revived",
    () => {
      const seed = Number(process.env.HEADWATER_SEED ?? Date.now() % 1e9)
      console.log(`the machine of a key: seed ${seed}`)
      fc.assert(
        fc.property(
          rules,
          fc.array(happening, { maxLength: 80, size: "max" }),
          (rules, happenings) => {
            let state: KeyState<string> = NEW_KEY
            const edge = new Edge()
            let now = 0
            for (const { type, result, age, passMs, flag } of happenings) {
              now += passMs
              if (!isPossible(type, edge)) continue
              const before = state
              const wokenBefore = edge.woken
              const event = eventOf(type, state, now, { result, age, flag })
              const ends = (type === "answer" || type === "fail") && state.phase === "fetching"
              // A read that ended is out no more, whatever comes of it.
              if (ends && age === 0) edge.activity = "none"
              if (type === "grant" || type === "due") edge.activity = "none"
              const [next, effects] = step(state, event, rules)
              state = next
              for (const effect of effects) edge.act(effect)
              assertKeyState(state)

              expect(ACTIVITY[state.phase]).toBe(edge.activity)
              if (before.phase === "gone") expect(state).toBe(before)
              if (ends && age === 0) expect(edge.woken).toBe(wokenBefore + 1)
              if (type === "remove" && before.phase !== "gone") {
                expect([state.phase, edge.woken]).toEqual(["gone", wokenBefore + 1])
              }
              if (ends && age > 0) expect(state).toBe(before)
              const began = effects.some((effect) => effect.type === "fetch")
              if (began)
                expect([before.isClosing, state.attempt]).toEqual([false, before.attempt + 1])
              expectForward(before, state)
            }
          },
        ),
        { seed, numRuns: FULL ? 20_000 : 500 },
      )
    },
    TEST_MS,
  )
})

// The edge dispatches a grant or an end of rest only after the effect for it.
function isPossible(type: KeyEvent["type"], { activity }: Edge): boolean {
  if (type === "grant") return activity === "throttle"
  if (type === "due") return activity === "rest"
  return true
}

// What is current moves on, or begins anew, and is never lost.
function expectForward(before: KeyState<string>, after: KeyState<string>): void {
  if (before.current === undefined) return
  expect(after.current).toBeDefined()
  const [from, to] = [before.current.position, after.current!.position]
  expect(isReset(from, to) || to.revision >= from.revision).toBe(true)
}

function eventOf(
  type: KeyEvent["type"],
  state: KeyState<string>,
  now: number,
  { result = { revision: 1 }, age = 0, flag = false } = {} as {
    result?: FetchResult<string>
    age?: number
    flag?: boolean
  },
): KeyEvent<string> {
  const attempt = state.attempt - age
  const error = new Error("down")
  const events: { [T in KeyEvent["type"]]: Extract<KeyEvent<string>, { type: T }> } = {
    want: { type: "want", isPatient: flag },
    grant: { type: "grant", now },
    answer: { type: "answer", attempt, result, bytes: 1, now, draw: 0.5 },
    fail: { type: "fail", attempt, error, isFatal: flag, now, draw: 0.5 },
    contact: { type: "contact", attempt },
    due: { type: "due" },
    fill: { type: "fill", result, bytes: 1, now },
    remove: { type: "remove" },
    close: { type: "close", isWaited: flag },
  }
  return events[type]
}
