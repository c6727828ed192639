import { TopicError } from "@headwater/core"
import { expect, test } from "vitest"
import { disabledPublisher } from "../src/disabled-publisher.ts"

test("disabledPublisher() refuses topics and subscribers, ignores the rest (CS-B61)", async () => {
  const publisher = disabledPublisher<string>()
  const event = { topic: "t", subject: "", revision: 1, payload: "x" }

  expect(() => publisher.register("t")).toThrow(TopicError)
  expect(() => publisher.subscribe({ topic: "t" })).toThrow(TopicError)
  publisher.publish([event])
  await publisher.offer([event])
  publisher.refresh()
  publisher.close()
  expect(publisher.subscriptions).toBe(0)
  expect(publisher.stats().subscriptions).toEqual({ conflate: 0, pin: 0, disconnect: 0 })
})
