import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { BoundedQueue } from "../src/bounded-queue.ts"

const never = new AbortController().signal
const clock = new ManualClock()

describe("BoundedQueue", () => {
  test("push() waits while the queue is full, by items", async () => {
    const queue = new BoundedQueue<string>({ itemsMax: 2, weightMax: 100 })
    const pushed: string[] = []
    for (const item of ["a", "b", "c"])
      void queue.push(item, 1, never).then(() => pushed.push(item))
    await clock.settle()

    expect(pushed).toEqual(["a", "b"])
    expect(queue.shift()).toBe("a")
    await clock.settle()
    expect(pushed).toEqual(["a", "b", "c"])
    expect([queue.size, queue.weight]).toEqual([2, 2])
  })

  test("push() waits while the queue is too heavy; what is heavier still waits alone", async () => {
    const queue = new BoundedQueue<string>({ itemsMax: 9, weightMax: 10 })
    await queue.push("a", 6, never)
    let heavy = false
    void queue.push("heavy", 50, never).then(() => {
      heavy = true
    })
    await clock.settle()

    expect(heavy).toBe(false)
    expect([queue.peek(), queue.shift()]).toEqual(["a", "a"])
    await clock.settle()
    expect([heavy, queue.shift(), queue.shift(), queue.weight]).toEqual([
      true,
      "heavy",
      undefined,
      0,
    ])
  })

  test("push() rejects with the reason of the abort, and leaves nothing in the queue", async () => {
    const queue = new BoundedQueue<string>({ itemsMax: 1, weightMax: 1 })
    const abort = new AbortController()
    await queue.push("a", 1, never)
    const pushing = queue.push("b", 1, abort.signal)
    abort.abort(new Error("replaced"))

    await expect(pushing).rejects.toThrow("replaced")
    expect([queue.shift(), queue.shift()]).toEqual(["a", undefined])
  })
})
