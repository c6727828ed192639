import type { EntryChange, Replica, ReplicaEntry } from "@headwater/client"
import { prng } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { factsOf, firstRows, LastChanges, textOf } from "../../src/dashboard/page-model.ts"

const entry = (key: string, revision = 1): ReplicaEntry => ({ key, value: key, revision })
const added = (key: string): EntryChange => ({ type: "new", entry: entry(key) })
const updated = (key: string, revision: number): EntryChange => {
  return { type: "updated", entry: entry(key, revision), previous: entry(key) }
}

describe("LastChanges", () => {
  test("shows the first changes of a topic of one entry", () => {
    const changes = new LastChanges(3)
    changes.add({ changes: [added("a")] }, 1)
    expect(changes.list).toEqual([])
    changes.add({ changes: [updated("a", 2)] }, 1)
    changes.add({ changes: [updated("a", 3)] }, 1)
    expect(changes.list).toEqual([updated("a", 3), updated("a", 2)])
  })

  test("shows the first write of an empty topic", () => {
    const changes = new LastChanges(3)
    changes.loaded()
    changes.add({ changes: [added("a")] }, 1)
    expect(changes.list).toEqual([added("a")])
  })

  test("keeps the newest, and shows a commit that replaces everything", () => {
    const changes = new LastChanges(3)
    changes.loaded()
    changes.add({ changes: [added("a"), added("b")] }, 2)
    changes.add({ changes: [updated("a", 2), updated("b", 2)] }, 2)
    expect(changes.list).toEqual([updated("b", 2), updated("a", 2), added("b")])
  })
})

describe("firstRows()", () => {
  test("finds the first entries by key, whatever order they come in", () => {
    const random = prng(7)
    const keys = Array.from({ length: 1_000 }, (_, n) => `k${n}`).sort(() => random() - 0.5)
    const { first, found } = firstRows(
      keys.map((key) => entry(key)),
      "k",
      100,
    )
    expect(first.map(({ key }) => key)).toEqual([...keys].sort().slice(0, 100))
    expect(found).toBe(1_000)
  })

  test("counts and shows what contains the text alone", () => {
    const { first, found } = firstRows(
      ["b/1", "a", "b/0", "ab/"].map((key) => entry(key)),
      "b/",
      2,
    )
    expect([first.map(({ key }) => key), found]).toEqual([["ab/", "b/0"], 3])
    expect(firstRows([], "", 5)).toEqual({ first: [], found: 0 })
  })
})

describe("textOf()", () => {
  test("shows different values differently", () => {
    expect([textOf("1", "json"), textOf(1, "json"), textOf(null, "json")]).toEqual([
      '"1"',
      "1",
      "null",
    ])
    expect([textOf("1", "text"), textOf('"1"', "text")]).toEqual(["1", '"1"'])
    expect(textOf(new Uint8Array([0, 255]), "binary")).toBe("2 bytes: 00 ff")
    expect(textOf(new Uint8Array(0), "binary")).toBe("0 bytes")
    expect(textOf("x".repeat(300), "text")).toBe(`${"x".repeat(200)}…`)
  })
})

describe("factsOf()", () => {
  const hub = { status: "in-sync" as const, statusSince: 0, lastContact: 0, invalid: 0 }
  const replica = (state: Replica["status"]["state"], proven: Partial<Replica["proven"]> = {}) => ({
    digest: "00ff",
    status: { state, hub, error: undefined },
    proven: { count: 2, lastAt: 0, position: undefined, mismatches: 0, ...proven },
  })

  test("claims that the topic is in sync and proven while the link to the hub is live", () => {
    const facts = { source: "in-sync", isProven: true, proof: "00ff · proven 2×" }
    expect(factsOf(replica("live"))).toEqual(facts)
  })

  test.each(["waiting", "connecting", "closed"] as const)("claims neither while %s", (state) => {
    const { source, isProven, proof } = factsOf(replica(state))
    expect([source, isProven]).toEqual(["unknown; last in-sync", false])
    expect(proof).toMatch(/^00ff · last proven /)
  })

  test("claims no proof before the first, or after a mismatch", () => {
    const none = factsOf(replica("live", { count: 0, lastAt: undefined }))
    expect([none.isProven, none.proof]).toEqual([false, "00ff · not proven yet"])
    const wrong = factsOf(replica("live", { mismatches: 1 }))
    expect([wrong.isProven, wrong.proof]).toEqual([false, "00ff · 1 mismatches"])
  })
})
