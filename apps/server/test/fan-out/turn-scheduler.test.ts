import { type Clock, systemClock } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { TurnScheduler } from "../../src/fan-out/turn-scheduler.ts"

/** A clock on which work takes as long as it says, and that counts turns. */
function steppedClock() {
  let elapsedMs = 0
  let turns = 0
  const clock: Clock = {
    ...systemClock,
    elapsed: () => elapsedMs,
    yield: async () => {
      await systemClock.yield()
      turns++
    },
  }
  return { clock, take: (ms: number) => (elapsedMs += ms), turns: () => turns }
}

describe("TurnScheduler", () => {
  test("does work at once while the turn has time left", () => {
    const { clock, take } = steppedClock()
    const turns = new TurnScheduler(clock, 4)

    expect([turns.run(() => take(1)), turns.run(() => take(1)), turns.waiting]).toEqual([1, 2, 0])
  })

  test("puts off what comes later, in order, and no turn outgrows its share by much", async () => {
    const { clock, take, turns: count } = steppedClock()
    const turns = new TurnScheduler(clock, 4)
    const done: [piece: number, turn: number][] = []
    const running = Array.from({ length: 10 }, (_, piece) =>
      turns.run(() => {
        take(2)
        done.push([piece, count()])
      }),
    )
    await Promise.all(running)

    expect(done).toEqual(Array.from({ length: 10 }, (_, n) => [n, Math.floor(n / 2)]))
  })

  test("counts what the work will cost later", async () => {
    const { clock, turns: count } = steppedClock()
    const turns = new TurnScheduler(clock, 4)
    const done: number[] = []
    await Promise.all([1, 2, 3].map(() => turns.run(() => done.push(count()), 3)))

    expect(done.length).toBe(3)
    expect(count()).toBeGreaterThan(0)
  })

  test("rejects for the caller of failed work, and goes on", async () => {
    const { clock, take } = steppedClock()
    const turns = new TurnScheduler(clock, 1)
    await turns.run(() => take(1))
    const failing = turns.run(() => {
      throw new Error("mine")
    })
    const next = turns.run(() => "done")

    await expect(failing).rejects.toThrow("mine")
    expect(await next).toBe("done")
    expect(turns.waiting).toBe(0)
  })

  test("does one piece a turn, however little time it has", async () => {
    const turns = new TurnScheduler(systemClock, 0)
    expect(await Promise.all([turns.run(() => 1), turns.run(() => 2)])).toEqual([1, 2])
  })
})
