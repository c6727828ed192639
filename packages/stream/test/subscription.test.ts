import { ClosedError, InvariantError } from "@headwater/core"
import { beforeEach, describe, expect, test } from "vitest"
import { type Feed, type StreamFrame, Subscription } from "../src/subscription.ts"

describe("Subscription", () => {
  let frames: StreamFrame<string>[]
  let closes: string[]
  let subscription: Subscription<string>

  beforeEach(() => {
    frames = []
    closes = []
    const feed: Feed<string> = { read: () => frames.shift(), close: () => closes.push("feed") }
    subscription = new Subscription<string>(feed, {
      identity: undefined,
      epoch: "1",
      onClose: () => closes.push("owner"),
    })
  })

  const sync = (revision: number): StreamFrame<string> => ({ type: "sync", revision })
  const deliver = (frame: StreamFrame<string>) => {
    frames.push(frame)
    subscription.wake()
  }

  test("next() waits for a frame, and waking it for nothing is harmless", async () => {
    const next = subscription.next()
    subscription.wake()
    await Promise.resolve()
    deliver(sync(1))

    expect(await next).toEqual(sync(1))
  })

  test("closed beats data, and data beats cancelled (CS-B36, CS-E10)", async () => {
    const aborted = AbortSignal.abort(new Error("enough"))
    frames.push(sync(1), sync(2))
    expect(await subscription.next(aborted)).toEqual(sync(1))

    subscription.close("forced")
    await expect(subscription.next(aborted)).rejects.toEqual(new ClosedError("forced"))
  })

  test("closed and cancelled in one turn: it is closed", async () => {
    const abort = new AbortController()
    const next = subscription.next(abort.signal)
    abort.abort(new Error("enough"))
    subscription.close("shutdown")

    await expect(next).rejects.toEqual(new ClosedError("shutdown"))
  })

  test("data and cancelled in one turn: the data is not lost", async () => {
    const abort = new AbortController()
    const next = subscription.next(abort.signal)
    abort.abort(new Error("enough"))
    deliver(sync(1))

    expect(await next).toEqual(sync(1))
  })

  test("a close wakes a waiting reader (CS-E8)", async () => {
    const next = subscription.next()
    subscription.close("auth-changed")

    await expect(next).rejects.toEqual(new ClosedError("auth-changed"))
  })

  test("the first reason wins, and everything is let go of once (CS-B40, CS-B41)", () => {
    subscription.close("refresh")
    subscription.close("forced")
    subscription[Symbol.dispose]()

    expect(subscription.closed).toBe("refresh")
    expect(closes).toEqual(["feed", "owner"])
  })

  test("one caller of next() at a time (CS-B35)", async () => {
    const next = subscription.next()
    await expect(subscription.next()).rejects.toThrow(InvariantError)
    deliver(sync(1))
    await next
  })

  test("a woken reader that is about to look is still the one caller (CS-B35)", async () => {
    const abort = new AbortController()
    const next = subscription.next(abort.signal)
    expect([subscription.wake(), subscription.wake()]).toEqual([true, false])
    await expect(subscription.next()).rejects.toThrow(InvariantError)
    deliver(sync(1))
    expect(await next).toEqual(sync(1))
    abort.abort(new Error("late"))
    frames.push(sync(2))

    expect(await subscription.next()).toEqual(sync(2))
  })

  test("iterating ends quietly when its own user leaves or closes", async () => {
    frames.push(sync(1), sync(2))
    const seen: StreamFrame<string>[] = []
    for await (const frame of subscription) {
      seen.push(frame)
      if (seen.length === 2) subscription.close()
    }

    expect(seen).toEqual([sync(1), sync(2)])
    for await (const _ of subscription) throw new Error("not reached")
  })

  test("iterating throws when it was closed by other code", async () => {
    const iterate = async () => {
      for await (const _ of subscription) subscription.close("forced")
    }
    frames.push(sync(1))

    await expect(iterate()).rejects.toEqual(new ClosedError("forced"))
  })
})
