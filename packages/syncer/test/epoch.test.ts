import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { epochOf, incarnationOf, remember, sourceEpochOf } from "../src/epoch.ts"

describe("epochOf()", () => {
  test("is the same for the same source and settings, on every hub and in every release", () => {
    expect(epochOf({ identity: "etcd/1/a/" }, "json")).toBe(
      epochOf({ identity: "etcd/1/a/" }, "json"),
    )
    expect(epochOf({ identity: "etcd/1/a/" }, "json")).toBe("c829606d3018c5e7")
  })

  test("is another for anything that may show other entries", () => {
    const epochs = [
      epochOf({ identity: "a" }, "json"),
      epochOf({ identity: "b" }, "json"),
      epochOf({ identity: "a" }, "text"),
      epochOf({ identity: "a", incarnation: "1" }, "json"),
      epochOf({ identity: "a", incarnation: "2" }, "json"),
      epochOf({ identity: "aj" }, "son"),
      epochOf({ identity: "" }, ""),
    ]

    expect(new Set(epochs).size).toBe(epochs.length)
    for (const epoch of epochs) expect(epoch).toMatch(/^[0-9a-f]{16}$/)
  })
})

describe("epochs of a source", () => {
  test("remember() keeps the newest, one per identity", () => {
    let past = remember([], { identity: "0", reached: 1 })
    for (let turn = 1; turn <= 12; turn++)
      past = remember(past, { identity: `${turn}`, reached: turn })
    past = remember(past, { identity: "9", reached: 90 })

    expect(past.map(({ identity }) => identity).join()).toBe("9,12,11,10,8,7,6,5")
    expect(past[0]).toEqual({ identity: "9", reached: 90 })
  })

  test("epochOf() goes on with a known epoch at the revision it had reached", () => {
    const past = [{ identity: "a", incarnation: "old", reached: 5 }]

    expect(sourceEpochOf("a", 5, past, "new")).toEqual({ identity: "a", incarnation: "old" })
    expect(sourceEpochOf("a", 4, past, "new")).toEqual({ identity: "a", incarnation: "new" })
    expect(sourceEpochOf("b", 4, past, "new")).toEqual({ identity: "b" })
  })

  test("incarnationOf() is drawn from the numbers it is given", () => {
    expect(incarnationOf(prng(1))).toBe(incarnationOf(prng(1)))
    expect(incarnationOf(prng(1))).not.toBe(incarnationOf(prng(2)))
  })
})
