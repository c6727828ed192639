import { afterEach, describe, expect, test } from "vitest"
import { TooManyError } from "../../src/errors.ts"
import { LocalHub } from "../support/local-hub.ts"

let local: LocalHub

afterEach(async () => {
  expect(await local.close()).toEqual([])
})

describe("a commit", () => {
  test("wakes the readers whose views it changes, and no others", async () => {
    local = new LocalHub()
    const queries = ["", "key=k/7", ...Array.from({ length: 100 }, (_, n) => `prefix=k/${n}/`)]
    const readers = await Promise.all(queries.map((query) => local.stream(query)))
    await Promise.all(readers.map((reader) => reader.caughtUp()))
    for (const reader of readers) void reader.next().catch(() => {})
    await local.settle()
    const { fanOut } = local.topic
    const { woken } = fanOut
    await local.write({ "k/7/x": 1 })
    expect(fanOut.woken - woken).toBe(2)
    await local.write({ "k/7": 1, "other/": 2 })
    expect(fanOut.woken - woken).toBe(4)
  })

  test("wakes all readers where it is too large to look through", async () => {
    local = new LocalHub()
    const reader = await (await local.stream("prefix=mine/")).caughtUp()
    const changes = Array.from({ length: 2_500 }, (_, n) => [`k/${n}`, n])
    const delta = reader.until("delta")
    await local.write({ ...Object.fromEntries(changes), "mine/1": 1 })

    expect((await delta).changes.map(({ key }) => key)).toEqual(["mine/1"])
  })
})

describe("a reader whose view is quiet", () => {
  test("stays above the horizon, does not lag, and proves what it holds", async () => {
    local = new LocalHub({
      limits: { lagMs: 20_000, lagGraceMs: 10_000 },
      topic: { cache: { historyMs: 60_000 } },
    })
    await local.write({ "mine/1": 1 })
    const reader = await (await local.stream("prefix=mine/&policy=disconnect")).caughtUp()
    const from = reader.heard.length
    for (let n = 0; n < 60; n++) {
      const heard = reader.next()
      await local.write({ [`other/${n}`]: n })
      await local.clock.advance(4_000)
      await heard
    }
    await local.write({ "mine/1": 2 })
    const delta = await reader.until("delta")

    expect(new Set(reader.heard.slice(from))).toEqual(new Set(["sync", "delta"]))
    expect(delta.changes).toMatchObject([{ key: "mine/1", value: 2 }])
  })

  test("takes the next change from the bytes that other readers of the view get", async () => {
    local = new LocalHub()
    const early = await (await local.stream("prefix=mine/")).caughtUp()
    await local.write({ "other/1": 1 })
    const late = await (await local.stream("prefix=mine/")).caughtUp()
    await local.write({ "other/2": 1 })
    const { frames } = local.topic.fanOut
    const { encoded } = frames
    const deltas = Promise.all([early.until("delta"), late.until("delta")])
    await local.write({ "mine/1": 1 })
    await deltas

    expect(frames.encoded - encoded).toBe(1)
  })
})

describe("the table of views", () => {
  test("keeps room for the unfiltered view when all filtered ones are in use", async () => {
    local = new LocalHub({ limits: { viewsMax: 2 } })
    await (await local.stream("prefix=a")).caughtUp()
    await (await local.stream("prefix=b")).caughtUp()
    const refused = await (await local.stream("prefix=c")).rest()
    await (await local.stream()).caughtUp()

    expect(refused).toMatchObject([{ type: "fault", code: "ERR_TOO_MANY" }])
  })

  test("has a view for each grant that cuts a filter, with the terms of both", async () => {
    local = new LocalHub()
    await local.settle()
    const views = local.topic.fanOut.views!
    const retain = (prefixes: string[], granted?: string[]) =>
      views.retain({
        prefixes,
        keys: [],
        values: "json",
        ...(granted && { grant: { prefixes: granted, keys: [] } }),
      })
    const whole = retain([])
    const mine = retain([], ["a/"])
    const cut = retain(["a"], ["a/"])
    const own = retain(["a/"])

    expect(mine).not.toBe(whole)
    expect(mine).not.toBe(cut)
    expect(retain([], ["a/"])).toBe(mine)
    expect([whole, mine, cut, own].map(({ terms }) => terms.prefixes)).toEqual([
      [],
      ["a/"],
      ["a/"],
      ["a/"],
    ])
    expect(new Set([whole, mine, cut, own].map(({ id }) => id)).size).toBe(4)
  })

  test("takes no grant without terms, which would be the unfiltered view", async () => {
    local = new LocalHub()
    await local.settle()
    const views = local.topic.fanOut.views!
    const nothing = { prefixes: [], keys: [] }

    expect(() => views.retain({ ...nothing, values: "json", grant: nothing })).toThrow(
      "a grant that is cut to has terms",
    )
  })

  test("bounds the bytes of the filters together", async () => {
    local = new LocalHub({ limits: { viewBytesMax: 10 } })
    await local.settle()
    const views = local.topic.fanOut.views!
    const retain = (prefix: string) =>
      views.retain({ prefixes: [prefix], keys: [], values: "json" })
    const view = retain("12345678")

    expect(() => retain("abc")).toThrow(TooManyError)
    views.release(view)
    retain("abc")
  })

  test("bounds the filtered views of one address, and no others", async () => {
    local = new LocalHub({ limits: { viewsPerAddressMax: 2 } })
    await local.settle()
    const views = local.topic.fanOut.views!
    const retain = (prefix: string, address?: string) =>
      views.retain({ prefixes: prefix === "" ? [] : [prefix], keys: [], values: "json", address })
    const first = retain("a", "1.2.3.4")
    retain("a", "1.2.3.4")
    const second = retain("b", "1.2.3.4")

    expect(() => retain("c", "1.2.3.4")).toThrow(TooManyError)
    retain("", "1.2.3.4")
    retain("c", "1.2.3.5")
    retain("d")
    views.release(first, { address: "1.2.3.4" })
    expect(() => retain("c", "1.2.3.4")).toThrow(TooManyError)
    views.release(second, { address: "1.2.3.4" })
    retain("c", "1.2.3.4")
  })
})
