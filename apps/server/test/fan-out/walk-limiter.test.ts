import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { WalkLimiter } from "../../src/fan-out/walk-limiter.ts"
import { HUB_LIMITS } from "../../src/limits.ts"

function crowdOf(walkersMax: number, readers: number) {
  const clock = new ManualClock()
  const walkLimiter = new WalkLimiter(clock, { ...HUB_LIMITS, walkersMax })
  const passes = Array.from({ length: readers }, () => walkLimiter.enter())
  const granted = () => passes.flatMap(({ isGranted }, n) => (isGranted ? [n] : []))
  return { clock, walkLimiter, passes, granted }
}

describe("WalkLimiter", () => {
  test("lets so many walk, and the next when one is done, in order", async () => {
    const { clock, passes, granted } = crowdOf(2, 4)
    expect(granted()).toEqual([0, 1])

    passes[1]?.leave()
    passes[1]?.leave()
    await passes[2]?.granted
    expect(granted()).toEqual([0, 1, 2])

    passes[0]?.leave()
    expect(granted()).toEqual([0, 1, 2, 3])
    expect(clock.timers).toBe(0)
  })

  test("forgets a reader that leaves before its turn", () => {
    const { clock, walkLimiter, passes, granted } = crowdOf(1, 3)
    passes[1]?.leave()
    passes[0]?.leave()
    expect(granted()).toEqual([0, 2])

    passes[2]?.leave()
    expect([walkLimiter.walking, walkLimiter.waiting, clock.timers]).toEqual([0, 0, 0])
  })

  test("a slow reader does not hold up the others", async () => {
    const { clock, walkLimiter, passes, granted } = crowdOf(2, 5)
    const take = (pass: number, frames: number) => {
      for (let n = 0; n < frames; n++) passes[pass]?.take()
    }
    take(0, 32)
    take(1, 31)
    await clock.advance(1_999)
    expect(granted()).toEqual([0, 1])
    await clock.advance(1)
    expect([granted(), walkLimiter.walking]).toEqual([[0, 1, 2], 2])

    passes[1]?.leave()
    // The third has just begun at the first of these looks, and is slow at the second.
    for (const now of [
      [0, 1, 2],
      [0, 1, 2, 3],
    ]) {
      take(0, 32)
      await clock.advance(2_000)
      expect([granted(), walkLimiter.walking]).toEqual([now, 2])
    }
    for (const pass of passes) pass.leave()
    expect([walkLimiter.walking, walkLimiter.waiting, clock.timers]).toEqual([0, 0, 0])
  })
})
