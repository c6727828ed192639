import { memorySource } from "@headwater/syncer/memory"
import { describe, expect, test } from "vitest"
import { createApp } from "../src/http/app.ts"
import { createHub, type Hub } from "../src/hub.ts"
import type { HubOptions } from "../src/hub-options.ts"
import { HUB_LIMITS } from "../src/limits.ts"
import { LocalHub } from "./support/local-hub.ts"
import { StreamReader } from "./support/stream-reader.ts"

const topics = () => [{ name: "t", source: memorySource() }]
const log = () => {}

describe("createHub()", () => {
  const bad: [string, object | undefined, RegExp][] = [
    ["no options", undefined, /createHub: options .* must be an object/],
    ["no topics", {}, /topics is undefined; it must be an array of at least one topic/],
    ["an empty list of topics", { topics: [] }, /an array of at least one topic/],
    ["an unknown option", { topics: topics(), topic: 1 }, /there is no option topic; .*topics/],
    ["a log that is no function", { topics: topics(), log: console }, /log .* a function/],
    ["a clock that is none", { topics: topics(), clock: {} }, /a clock, such as systemClock/],
    ["compress as a text", { topics: topics(), compress: "gzip" }, /true or false/],
    ["a topic without a source", { topics: [{ name: "t" }] }, /topics\[0\]: source/],
    ["a source that is none", { topics: [{ name: "t", source: {} }] }, /a source, such as/],
    ["a name that is no text", { topics: [{ ...topics()[0], name: 7 }] }, /name is 7/],
    ["a malformed name", { topics: [{ ...topics()[0], name: "a/b" }] }, /"a\/b" is no topic name/],
    ["a name given twice", { topics: [...topics(), ...topics()] }, /"t" is given twice/],
    ["an unknown kind", { topics: [{ ...topics()[0], values: "xml" }] }, /"json" or "text"/],
    ["an unknown topic option", { topics: [{ ...topics()[0], kind: "json" }] }, /no option kind/],
    ["an unknown limit", { topics: topics(), limits: { streamMax: 1 } }, /no option streamMax/],
    [
      "a bound of values in the cache of a topic",
      { topics: [{ ...topics()[0], cache: { valueBytesMax: 9 } }] },
      /set limits.valueBytesMax/,
    ],
    ["limits that are none", { topics: topics(), limits: 7 }, /limits is 7/],
  ]
  test.each(bad)("refuses %s at the call", (_, options, message) => {
    expect(() => createHub(options as unknown as HubOptions)).toThrow(message)
  })

  const values = [-1, 0.5, Number.NaN, "1", null]
  test.each(Object.keys(HUB_LIMITS))("refuses senseless values of the limit %s", (name) => {
    const refused = name.endsWith("Ms") ? values.filter((value) => value !== 0.5) : values
    for (const value of refused) {
      const limits = { [name]: value } as HubOptions["limits"] & object
      expect(() => createHub({ topics: topics(), limits, log })).toThrow(`limits: ${name} is`)
    }
  })

  test("takes undefined as absent, and Infinity as no end of a duration", async () => {
    const limits = { viewsMax: undefined, writeMs: Number.POSITIVE_INFINITY } as object
    const hub = createHub({ topics: topics(), limits, log })
    expect([hub.limits.viewsMax, hub.limits.writeMs]).toEqual([10_000, Number.POSITIVE_INFINITY])
    await hub.close(0)
  })

  test("closes the sources that it began to read when a later topic cannot be made", async () => {
    const source = memorySource()
    const close = source.close.bind(source)
    const closed = new Promise<void>((resolve) => {
      source.close = async () => {
        await close()
        resolve()
      }
    })
    const broken = Object.defineProperty(memorySource(), "namesEpochs", {
      get: () => {
        throw new Error("broken")
      },
    })
    const options = { topics: [source, broken].map((source, n) => ({ name: `${n}`, source })), log }
    expect(() => createHub(options)).toThrow("broken")
    await closed
  })
})

test.each([undefined, null, {}, "hub"])("createApp() refuses %j for a hub", (hub) => {
  expect(() => createApp(hub as unknown as Hub, { anonymous: "read" })).toThrow(/must be a hub of/)
})

describe("the topics of a running hub", () => {
  const source = () => memorySource()

  test("one is added, and one is removed with a goodbye to its readers alone", async () => {
    const local = new LocalHub()
    try {
      await local.settle()
      const { hub } = local
      const other = hub.addTopic({ name: "u", source: source() })
      await local.settle()
      expect(hub.topics.map(({ name }) => name)).toEqual(["t", "u"])
      expect((await local.ask("/v1/topics/u/entries")).status).toBe(200)

      const staying = await (await local.stream()).caughtUp()
      const response = await local.ask("/v1/topics/u/stream")
      const leaving = await new StreamReader(response, new AbortController()).caughtUp()
      const removed = hub.removeTopic("u")
      expect(await leaving.rest()).toMatchObject([{ type: "goodbye", reason: "shutdown" }])
      await local.clock.advance(1_000)
      await removed

      expect((await local.ask("/v1/topics/u/entries")).status).toBe(404)
      expect(other.cache.closed).toBe(true)
      await local.write({ a: 1 })
      expect((await staying.next())?.type).toBe("delta")
      expect(local.log.filter((line) => line.includes("bug"))).toEqual([])
    } finally {
      expect(await local.close()).toEqual([])
    }
  })

  test("a name that is taken or malformed is refused, and so is any on a closing hub", async () => {
    const hub = createHub({ topics: [{ name: "t", source: source() }] })
    const add = (name: string) => () => hub.addTopic({ name, source: source() })

    expect(add("t")).toThrow(/already/)
    expect(add("a/b")).toThrow(/no topic name/)
    await expect(hub.removeTopic("u")).rejects.toThrow(/no topic "u"/)
    const closed = hub.close(0)
    expect(add("u")).toThrow(/shutting down/)
    await closed
  })
})

describe("setLimits()", () => {
  test("moves bounds at once, and refuses those that cannot be moved", async () => {
    const local = new LocalHub()
    try {
      await local.settle()
      const { hub } = local
      await (await local.stream()).caughtUp()
      hub.setLimits({ streamsMax: 1 })
      const refused = await (await local.stream()).rest()
      expect(refused.at(-1)).toMatchObject({ type: "fault", code: "ERR_TOO_MANY" })
      hub.setLimits({ streamsMax: 2 })
      await (await local.stream()).caughtUp()

      expect(() => hub.setLimits({ valueBytesMax: 5 })).toThrow(/valueBytesMax cannot be changed/)
      expect(() => hub.setLimits({ streamsMax: 0 })).toThrow(/streamsMax/)
      expect(hub.limits.streamsMax).toBe(2)
    } finally {
      expect(await local.close()).toEqual([])
    }
  })
})
