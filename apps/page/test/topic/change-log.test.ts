import type { Position, Revision } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { ChangeLog } from "../../src/topic/change-log.ts"

const at = (revision: number): Position => ({ epoch: "e", revision: revision as Revision })

const put = (key: string, value: unknown, revision: number) =>
  ({ type: "new", entry: { key, value, revision: revision as Revision } }) as const

describe("ChangeLog", () => {
  test("tells what each change replaced, newest first", () => {
    const log = new ChangeLog(10)
    log.add({ position: at(1), changes: [put("a", 1, 1)] }, 5)
    const [{ entry }] = [put("a", 1, 1)]
    log.add({ position: at(2), changes: [{ type: "deleted", previous: entry }] }, 6)

    expect(log.newest(() => true)).toEqual([
      { number: 2, type: "deleted", key: "a", revision: 2, at: 6, value: undefined, previous: 1 },
      { number: 1, type: "new", key: "a", revision: 1, at: 5, value: 1, previous: undefined },
    ])
  })

  test("keeps the last ones, also of one large commit, and counts all", () => {
    const log = new ChangeLog(3)
    const changes = Array.from({ length: 8 }, (_, index) => put(`k${index}`, index, 1))
    log.add({ position: at(1), changes }, 0)
    log.add({ position: at(2), changes: [put("last", 0, 2)] }, 0)

    expect(log.total).toBe(9)
    expect(log.newest(() => true).map(({ key }) => key)).toEqual(["last", "k7", "k6"])
    expect(log.newest(() => true, 8).map(({ key }) => key)).toEqual(["k7", "k6"])
    expect(log.newest(({ key }) => key === "k6").length).toBe(1)
  })
})
