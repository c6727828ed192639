import { systemClock, TIMER_MS_MAX } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"

describe("systemClock", () => {
  test("after() calls once, and not at all when it is cancelled", async () => {
    const calls: string[] = []
    const cancel = systemClock.after(1, () => calls.push("cancelled"))
    cancel()
    cancel()
    await new Promise<void>((resolve) => {
      systemClock.after(2, () => {
        calls.push("called")
        resolve()
      })
    })

    expect(calls).toEqual(["called"])
  })

  test("sleep() rejects with the signal's reason", async () => {
    const abort = new AbortController()
    const sleep = systemClock.sleep(60_000, abort.signal)
    abort.abort("enough")

    await expect(sleep).rejects.toBe("enough")
    await expect(systemClock.sleep(1, AbortSignal.abort("before"))).rejects.toBe("before")
    await expect(systemClock.sleep(0, new AbortController().signal)).resolves.toBeUndefined()
  })

  test("yield() gives others a turn, and leaves nothing open", async () => {
    const order: string[] = []
    const yielded = systemClock.yield().then(() => order.push("after"))
    order.push("before")
    await yielded

    expect(order).toEqual(["before", "after"])
  })
})

// What a platform does with such a delay: it fires after 1 ms, and Node warns.
const LONG_MS = TIMER_MS_MAX + 1

describe.each([
  ["systemClock", () => systemClock],
  ["ManualClock", () => new ManualClock()],
])("%s", (_, clockOf) => {
  test("a delay above 24.8 days, and Infinity, does not fire at once", async () => {
    const clock = clockOf()
    const fired: string[] = []
    const abort = new AbortController()
    const cancels = [LONG_MS, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY].map((delayMs) =>
      clock.after(delayMs, () => fired.push(`after ${delayMs}`)),
    )
    const sleeps = [LONG_MS, Number.POSITIVE_INFINITY].map((delayMs) =>
      clock.sleep(delayMs, abort.signal),
    )
    // Timers of the platform fire in the order of their moments: 1 ms is before 20 ms.
    await new Promise<void>((resolve) => {
      systemClock.after(20, resolve)
    })
    for (const cancel of cancels) cancel()
    abort.abort("enough")

    await expect(Promise.allSettled(sleeps)).resolves.toMatchObject([
      { status: "rejected", reason: "enough" },
      { status: "rejected", reason: "enough" },
    ])
    expect(fired).toEqual([])
  })

  test.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])("a delay of %s is refused", async (ms) => {
    const clock = clockOf()
    const error = expect.objectContaining({ code: "ERR_OPTION_INVALID" })

    expect(() => clock.after(ms, () => {})).toThrow(error)
    await expect(clock.sleep(ms, new AbortController().signal)).rejects.toThrow(error)
  })
})

describe("ManualClock", () => {
  test("fires after a delay above 24.8 days, and sets no timer for Infinity", async () => {
    const clock = new ManualClock()
    let fired = 0
    clock.after(LONG_MS, () => fired++)
    clock.after(Number.POSITIVE_INFINITY, () => fired++)
    expect(clock.timers).toBe(1)
    await clock.advance(LONG_MS)

    expect([fired, clock.timers]).toEqual([1, 0])
  })
})
