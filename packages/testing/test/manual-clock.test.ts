import { describe, expect, test } from "vitest"
import { ManualClock } from "../src/index.ts"

const never = new AbortController().signal

describe("ManualClock", () => {
  test("advance() fires timers by moment, those of one moment as they were set", async () => {
    const clock = new ManualClock()
    const fired: string[] = []
    clock.after(20, () => fired.push(`b at ${clock.elapsed()}`))
    clock.after(10, () => fired.push(`a at ${clock.elapsed()}`))
    clock.after(20, () => fired.push(`c at ${clock.elapsed()}`))
    clock.after(21, () => fired.push("too late"))
    await clock.advance(20)

    expect(fired).toEqual(["a at 10", "b at 20", "c at 20"])
    expect(clock.timers).toBe(1)
  })

  test("advance() fires a timer that a woken task sets, when it falls due on the way", async () => {
    const clock = new ManualClock()
    const woken: number[] = []
    const run = async () => {
      for (let turn = 0; turn < 3; turn++) {
        await clock.sleep(10, never)
        await clock.yield()
        woken.push(clock.elapsed())
      }
    }
    const running = run()
    await clock.advance(30)
    await running

    expect(woken).toEqual([10, 20, 30])
  })

  test("sleep() rejects with the reason of the abort, and leaves no timer", async () => {
    const clock = new ManualClock()
    const abort = new AbortController()
    const sleeping = clock.sleep(10, abort.signal)
    abort.abort(new Error("enough"))

    await expect(sleeping).rejects.toThrow("enough")
    await expect(clock.sleep(10, abort.signal)).rejects.toThrow("enough")
    expect(clock.timers).toBe(0)
  })

  test("now() moves with elapsed(), and jump() moves it alone", async () => {
    const clock = new ManualClock(1_000)
    await clock.advance(500)
    clock.jump(-1_200)

    expect([clock.now(), clock.elapsed()]).toEqual([300, 500])
  })

  test("what after() returns cancels the timer, twice without harm", async () => {
    const clock = new ManualClock()
    const cancel = clock.after(1, () => expect.unreachable())
    cancel()
    cancel()
    await clock.advance(2)

    expect(clock.nextTimerMs).toBeUndefined()
  })
})
