import { ClosedError } from "@headwater/core"
import { beforeEach, describe, expect, test } from "vitest"
import { PublishQueue } from "../src/publish-queue.ts"

describe("PublishQueue", () => {
  let published: number[]
  let turns: (() => void)[]
  let queue: PublishQueue<number>

  beforeEach(() => {
    published = []
    turns = []
    const giveWay = () => new Promise<void>((resolve) => turns.push(resolve))
    queue = new PublishQueue((batch) => published.push(batch), giveWay, { batchesMax: 2 })
  })

  const turn = async () => {
    turns.shift()?.()
    await new Promise(setImmediate)
  }

  test("a caller that waits for room keeps its place before later ones (CS-B42, U33)", async () => {
    const offers = [1, 2, 3, 4].map((batch) => queue.offer(batch))
    const first = offers[0]?.then(() => offers.push(queue.offer(5)))
    while (turns.length > 0) await turn()
    await first
    await Promise.all(offers)

    expect(published).toEqual([1, 2, 3, 4, 5])
    expect(queue.size).toBe(0)
  })

  test("a caller that waits for room may give up; queued commits are published", async () => {
    const controllers = [1, 2, 3, 4].map(() => new AbortController())
    const offers = controllers.map(({ signal }, index) => queue.offer(index + 1, signal))
    const settled = Promise.allSettled(offers)
    for (const index of [1, 2]) controllers[index]?.abort(new Error("enough"))
    while (turns.length > 0) await turn()

    expect(await settled).toEqual([
      { status: "fulfilled", value: undefined },
      { status: "fulfilled", value: undefined },
      { status: "rejected", reason: new Error("enough") },
      { status: "fulfilled", value: undefined },
    ])
    expect(published).toEqual([1, 2, 4])
    controllers[3]?.abort()
    expect(queue.size).toBe(0)
  })

  test("a cancelled offer is dropped, and a batch that fails fails alone", async () => {
    await expect(queue.offer(1, AbortSignal.abort(new Error("late")))).rejects.toThrow("late")
    const failing = new PublishQueue<number>(
      (batch) => {
        if (batch === 2) throw new Error("not this one")
        published.push(batch)
      },
      async () => {},
      { batchesMax: 2 },
    )
    const offers = [1, 2, 3].map((batch) => failing.offer(batch))

    expect((await Promise.allSettled(offers)).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
    ])
    expect(published).toEqual([1, 3])
  })

  test("close() rejects queued and waiting offers, between two turns too (CS-B48)", async () => {
    const settled = Promise.allSettled([1, 2, 3].map((batch) => queue.offer(batch)))
    await turn()
    queue.close()
    while (turns.length > 0) await turn()

    expect((await settled).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "rejected",
    ])
    await expect(queue.offer(4)).rejects.toEqual(new ClosedError("shutdown"))
    expect(published).toEqual([1])
  })
})
