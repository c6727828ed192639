import { systemClock } from "@headwater/core"
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
