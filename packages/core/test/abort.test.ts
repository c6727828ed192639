import { getEventListeners } from "node:events"
import { LinkedAbort, onAbort, untilAborted, withDeadline } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"

const isNode = !("Deno" in globalThis || "Bun" in globalThis)
const listeners = (signal: AbortSignal) => getEventListeners(signal, "abort").length

describe("onAbort", () => {
  test("runs each task once, and none that was withdrawn", () => {
    const abort = new AbortController()
    const ran: string[] = []
    const task = () => ran.push("twice")
    onAbort(abort.signal, task)
    onAbort(abort.signal, task)
    const withdraw = onAbort(abort.signal, () => ran.push("withdrawn"))
    withdraw()
    withdraw()
    abort.abort()
    onAbort(abort.signal, () => ran.push("at once"))
    onAbort(undefined, () => ran.push("never"))

    expect(ran).toEqual(["twice", "twice", "at once"])
  })

  test.skipIf(!isNode)("keeps one listener for any number of tasks, and none for none", () => {
    const { signal } = new AbortController()
    const withdrawals = Array.from({ length: 50 }, () => onAbort(signal, () => {}))

    expect(listeners(signal)).toBe(1)
    for (const withdraw of withdrawals) withdraw()
    expect(listeners(signal)).toBe(0)
    onAbort(signal, () => {})
    expect(listeners(signal)).toBe(1)
  })
})

describe("LinkedAbort", () => {
  test("is aborted with the reason of the first parent that is", () => {
    const [first, second] = [new AbortController(), new AbortController()]
    const link = new LinkedAbort(first.signal, undefined, second.signal)
    second.abort("second")
    first.abort("first")

    expect(link.signal.reason).toBe("second")
  })

  test.skipIf(!isNode)("leaves no listener when a parent was aborted before, or it is", () => {
    const parent = new AbortController()
    const before = new LinkedAbort(parent.signal, AbortSignal.abort("before"))
    const unlinked = new LinkedAbort(parent.signal)
    unlinked.unlink()
    const aborted = new LinkedAbort(parent.signal)
    aborted.abort("enough")
    parent.abort("late")

    expect(before.signal.reason).toBe("before")
    expect(unlinked.signal.aborted).toBe(false)
    expect(aborted.signal.reason).toBe("enough")
    expect(listeners(parent.signal)).toBe(0)
  })

  test("abortAfter() aborts when the time is up, and starts anew when called again", async () => {
    const clock = new ManualClock()
    const link = new LinkedAbort()
    link.abortAfter(clock, 100, () => "first")
    await clock.advance(99)
    link.abortAfter(clock, 100, () => "second")
    await clock.advance(99)
    expect(link.signal.aborted).toBe(false)
    await clock.advance(1)

    expect([link.signal.reason, link.isLate, clock.timers]).toEqual(["second", true, 0])
  })

  test("abortAfter() leaves no timer behind an abort, and sets none after it", () => {
    const clock = new ManualClock()
    const parent = new AbortController()
    const link = new LinkedAbort(parent.signal)
    link.abortAfter(clock, 100)
    parent.abort("parent")
    link.abortAfter(clock, 100)

    expect([link.signal.reason, link.isLate, clock.timers]).toEqual(["parent", false, 0])
  })
})

describe("withDeadline", () => {
  const errorOf = () => new Error("too late")
  const untilEnd = (signal: AbortSignal) => untilAborted(new Promise(() => {}), signal)

  test("gives the task's result, and leaves nothing behind", async () => {
    const clock = new ManualClock()
    const left: AbortSignal[] = []
    const result = await withDeadline({ clock, timeoutMs: 10, errorOf }, [], async (signal) => {
      left.push(signal)
      return "done"
    })

    expect([result, clock.timers, left[0]?.aborted]).toEqual(["done", 0, true])
  })

  test("aborts the task when the time is up, or with a parent", async () => {
    const clock = new ManualClock()
    const parent = new AbortController()
    const deadline = { clock, timeoutMs: 10, errorOf }
    const late = withDeadline(deadline, [parent.signal], untilEnd)
    const failed = expect(late).rejects.toThrow("too late")
    await clock.advance(10)
    await failed
    const aborted = withDeadline(deadline, [undefined, parent.signal], untilEnd)
    parent.abort("parent")

    await expect(aborted).rejects.toBe("parent")
    expect(clock.timers).toBe(0)
  })

  test("never ends a task by a deadline of Infinity", async () => {
    const clock = new ManualClock()
    const deadline = { clock, timeoutMs: Number.POSITIVE_INFINITY, errorOf }

    expect(await withDeadline(deadline, [], async () => clock.timers)).toBe(0)
  })
})

describe("untilAborted", () => {
  test("gives up waiting, and ignores what the work fails with later", async () => {
    const abort = new AbortController()
    let fail = (_: Error) => {}
    const work = new Promise<never>((_, reject) => {
      fail = reject
    })
    const waited = untilAborted(work, abort.signal)
    abort.abort("enough")
    fail(new Error("no caller waits for this"))

    await expect(waited).rejects.toBe("enough")
    await expect(untilAborted(Promise.resolve(1), undefined)).resolves.toBe(1)
    await expect(untilAborted(Promise.reject("failed"), undefined)).rejects.toBe("failed")
  })
})
