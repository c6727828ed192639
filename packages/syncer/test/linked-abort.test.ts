import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { withDeadline } from "../src/deadline.ts"
import { LinkedAbort } from "../src/linked-abort.ts"

describe("LinkedAbort", () => {
  test("is aborted with the first of those it follows, and with its reason", () => {
    const parents = [new AbortController(), new AbortController()]
    const link = new LinkedAbort(...parents.map(({ signal }) => signal))
    parents[1]?.abort("second")
    parents[0]?.abort("first")

    expect(link.signal.reason).toBe("second")
  })

  test("is aborted from the start when one of them is", () => {
    expect(new LinkedAbort(AbortSignal.abort("before")).signal.reason).toBe("before")
  })

  test("follows nobody once it is unlinked, but can still be aborted", () => {
    const parent = new AbortController()
    const link = new LinkedAbort(parent.signal)
    link.unlink()
    parent.abort("too late")
    expect(link.signal.aborted).toBe(false)
    link.abort("by itself")

    expect(link.signal.reason).toBe("by itself")
  })
})

describe("withDeadline()", () => {
  const forEver = (signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason))
    })

  test("aborts what takes too long with a SourceError that names who was asked", async () => {
    const clock = new ManualClock()
    const asking = withDeadline(
      { clock, timeoutMs: 100, name: "etcd://a/" },
      new AbortController().signal,
      forEver,
    )
    const outcome = asking.catch((error: unknown) => error)
    await clock.advance(100)

    expect(await outcome).toMatchObject({
      code: "ERR_SOURCE_FAILED",
      message: "etcd://a/ did not answer within 100 ms",
    })
  })

  test("passes on an answer, and a cancellation, and leaves no timer", async () => {
    const clock = new ManualClock()
    const deadline = { clock, timeoutMs: 100, name: "a" }
    const abort = new AbortController()
    const asking = withDeadline(deadline, abort.signal, forEver)
    abort.abort(new Error("left"))

    await expect(asking).rejects.toThrow("left")
    expect(await withDeadline(deadline, abort.signal, async () => 7)).toBe(7)
    expect(clock.timers).toBe(0)
  })
})
