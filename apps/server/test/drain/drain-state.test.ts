import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import {
  type DrainPlan,
  type DrainState,
  drainStep,
  intervalOf,
  orderDrain,
  SERVING,
} from "../../src/drain/drain-state.ts"

const MODELS = process.env.HEADWATER_FULL === "1" ? 5_000 : 150

describe("a drain", () => {
  test("serves on for its delay, and tells nobody then", () => {
    const plan = { delayMs: 5_000, timeMs: 2_000 }
    const ordered = orderDrain(SERVING, 100)

    expect(drainStep(ordered, plan, { now: 100, open: 9 })).toEqual({
      state: { phase: "waiting", since: 100, readers: 0, told: 0, toldAt: 0 },
      tell: 0,
      cut: false,
      lookMs: 5_000,
    })
    expect(drainStep(ordered, plan, { now: 5_099, open: 9 }).lookMs).toBe(1)
    expect(drainStep(ordered, plan, { now: 5_100, open: 9 }).state.phase).toBe("leaving")
  })

  test("that is ordered again changes nothing", () => {
    const ordered = orderDrain(SERVING, 100)
    expect(orderDrain(ordered, 900)).toBe(ordered)
  })

  test("tells 1,000 readers within 95 % of its time, evenly", () => {
    const { tells, endedAt } = drainOf(1_000, { delayMs: 0, timeMs: 30_000 }, { leaveMs: 5 })
    const seconds = Array.from(
      { length: 28 },
      (_, second) => tells.filter((at) => Math.floor(at / 1_000) === second).length,
    )

    expect(tells.length).toBe(1_000)
    expect(Math.max(...tells)).toBeLessThanOrEqual(28_530)
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(34)
    expect(Math.max(...seconds)).toBeLessThanOrEqual(37)
    expect(endedAt).toBeLessThan(28_600)
  })

  test("of a few readers takes a tenth of a second for each, however long it may take", () => {
    const { tells, endedAt } = drainOf(3, { delayMs: 0, timeMs: 30_000 }, { leaveMs: 0 })
    expect(tells).toEqual([0, 100, 200])
    expect(endedAt).toBeLessThan(400)
  })

  test("without readers is over at once, and after its delay", () => {
    expect(drainOf(0, { delayMs: 0, timeMs: 2_000 }, { leaveMs: 0 }).endedAt).toBe(0)
    expect(drainOf(0, { delayMs: 700, timeMs: 2_000 }, { leaveMs: 0 }).endedAt).toBe(700)
  })

  test("without time tells all at once, and cuts those that stay", () => {
    const { tells, cutAt } = drainOf(500, { delayMs: 0, timeMs: 0 }, { leaveMs: Infinity })
    expect([tells.length, Math.max(...tells), cutAt]).toEqual([500, 0, 250])
  })

  test("cuts readers that do not leave at the end of its time", () => {
    const { tells, cutAt } = drainOf(50, { delayMs: 0, timeMs: 2_000 }, { leaveMs: Infinity })
    expect([tells.length, cutAt]).toEqual([50, 2_000])
  })

  test("gives the last reader time to go, where the hub was late to tell it", () => {
    const plan = { delayMs: 0, timeMs: 2_000 }
    let { state } = drainStep(orderDrain(SERVING, 0), plan, { now: 0, open: 9 })
    const late = drainStep(state, plan, { now: 9_000, open: 9 })
    state = late.state

    expect([late.tell, late.cut, state.phase]).toEqual([8, false, "leaving"])
    expect(drainStep(state, plan, { now: 9_249, open: 1 }).cut).toBe(false)
    expect(drainStep(state, plan, { now: 9_250, open: 1 }).cut).toBe(true)
  })
})

test(`a drain of any size keeps its times (${MODELS} random models)`, () => {
  for (let seed = 1; seed <= MODELS; seed++) {
    const random = prng(seed)
    const plan: DrainPlan = {
      delayMs: random() < 0.5 ? 0 : Math.floor(random() * 10_000),
      timeMs: random() < 0.1 ? 0 : Math.floor(random() * 60_000),
    }
    const readers = Math.floor(random() ** 4 * 2_000)
    const lateMs = random() < 0.5 ? 0 : random() * 500
    const { tells, endedAt, phases } = drainOf(readers, plan, {
      leaveMs: random() < 0.2 ? Infinity : random() * 3_000,
      walkOff: random() < 0.5 ? 0 : 0.002,
      lateMs,
      random,
    })
    const context = `seed ${seed}`
    const { delayMs, timeMs } = plan
    const intervalMs = intervalOf(plan, readers)
    const first = tells[0] ?? delayMs

    expect(phases.join(" "), context).toMatch(/^(waiting )*(leaving )*over$/)
    expect(first, context).toBeGreaterThanOrEqual(delayMs)
    // Never ahead of the even spread, and none after its share but for late looks.
    const early = tells.find((at, n) => at - first < (n - 1) * intervalMs - 1e-6)
    expect(early, context).toBeUndefined()
    const last = tells.at(-1) ?? first
    expect(last - first, context).toBeLessThanOrEqual(timeMs * 0.95 + 2 * lateMs + 20)
    const endMs = Math.max(timeMs, last - first + 250)
    expect(endedAt - first, context).toBeLessThanOrEqual(endMs + intervalMs + 2 * lateMs + 20)
  }
})

interface Crowd {
  /** The time that a reader takes to leave; `Infinity`: it does not read. */
  readonly leaveMs: number
  /** The chance that a reader leaves by itself, between two looks. */
  readonly walkOff?: number
  /** The most that a look is late. */
  readonly lateMs?: number
  readonly random?: () => number
}

/** Plays a drain: when readers were told, and when it was over. Late looks add up to the delay. */
function drainOf(readers: number, plan: DrainPlan, crowd: Crowd) {
  const { leaveMs, walkOff = 0, lateMs = 0, random = () => 0 } = crowd
  const tells: number[] = []
  const phases: string[] = []
  let untold = readers
  let leaving: number[] = []
  let state: DrainState = orderDrain(SERVING, 0)
  for (let now = 0; ; ) {
    leaving = leaving.filter((at) => at > now)
    if (random() < walkOff * 100) untold -= Math.min(untold, Math.ceil(untold * walkOff))
    const step = drainStep(state, plan, { now, open: untold + leaving.length })
    state = step.state
    phases.push(state.phase)
    for (let n = 0; n < step.tell && untold > 0; n++) {
      untold -= 1
      tells.push(now)
      leaving.push(now + leaveMs)
    }
    if (step.lookMs === undefined) {
      expect(step.cut || untold + leaving.filter((at) => at > now).length === 0).toBe(true)
      return { tells, phases, endedAt: now, cutAt: step.cut ? now : undefined }
    }
    now += step.lookMs + random() * lateMs
  }
}
