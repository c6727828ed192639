import { Waiters } from "@headwater/core"
import { describe, expect, test } from "vitest"

describe("Waiters", () => {
  test("wake() resolves every present waiter, and none that comes later", async () => {
    const waiters = new Waiters()
    const woken: number[] = []
    const waits = [1, 2, 3].map((index) => waiters.wait().then(() => woken.push(index)))
    waiters.wake()
    await Promise.all(waits)
    const late = waiters.wait().then(() => woken.push(4))

    expect(woken).toEqual([1, 2, 3])
    expect(waiters.size).toBe(1)
    waiters.wake()
    await late
  })

  test("a waiter that waits again when it is woken waits for the next wake()", async () => {
    const waiters = new Waiters()
    const woken: number[] = []
    const follow = async () => {
      for (let round = 0; round < 3; round++) {
        await waiters.wait()
        woken.push(round)
      }
    }
    const both = [follow(), follow()]
    for (let round = 0; round < 3; round++) {
      waiters.wake()
      waiters.wake()
      await new Promise(setImmediate)
    }
    await Promise.all(both)

    expect(woken).toEqual([0, 0, 1, 1, 2, 2])
    expect(waiters.size).toBe(0)
  })

  test("wait() rejects with the signal's reason, now or later, and leaves nothing", async () => {
    const waiters = new Waiters()
    const reason = new Error("left")
    const abort = new AbortController()
    const wait = waiters.wait(abort.signal)
    abort.abort(reason)

    await expect(wait).rejects.toBe(reason)
    await expect(waiters.wait(AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(waiters.size).toBe(0)
  })

  test("a waiter that was woken stays woken when its signal is aborted after", async () => {
    const waiters = new Waiters()
    const abort = new AbortController()
    const wait = waiters.wait(abort.signal)
    waiters.wake()
    abort.abort()

    await expect(wait).resolves.toBeUndefined()
  })
})
