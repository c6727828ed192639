import type { Status, StatusReport } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { aggregateStatus } from "../src/aggregate-status.ts"

const report = (status: Status, statusSince = 1, more: Partial<StatusReport> = {}) => ({
  status,
  statusSince,
  lastContact: 5,
  invalid: 0,
  ...more,
})
const statusOf = (...statuses: Status[]) =>
  aggregateStatus(statuses.map((status) => report(status))).status

describe("aggregateStatus()", () => {
  test("WS-B3, U57: all in sync, all waiting, or on the way", () => {
    expect(statusOf("in-sync", "in-sync")).toBe("in-sync")
    expect(statusOf("waiting", "waiting")).toBe("waiting")
    expect(statusOf("waiting", "in-sync")).toBe("resyncing")
    expect(statusOf("waiting", "resyncing")).toBe("resyncing")
    expect(statusOf("in-sync", "resyncing", "in-sync")).toBe("resyncing")
  })

  test("one that is stale makes all stale, whatever the others are", () => {
    expect(statusOf("in-sync", "stale", "waiting")).toBe("stale")
    expect(statusOf("waiting", "stale")).toBe("stale")
  })

  test("WS-B9: of no sources at all, it waits", () => {
    expect(aggregateStatus([])).toEqual({
      status: "waiting",
      statusSince: 0,
      lastContact: 0,
      invalid: 0,
    })
  })

  test("stale since the first of them was, for its reason", () => {
    const reports = [
      report("stale", 30, { code: "ERR_MEMORY_FULL" }),
      report("stale", 20, { code: "ERR_SOURCE_FAILED", lastContact: 3, invalid: 2 }),
      report("in-sync", 10, { invalid: 1 }),
    ]

    expect(aggregateStatus(reports)).toEqual({
      status: "stale",
      statusSince: 20,
      lastContact: 3,
      invalid: 3,
      code: "ERR_SOURCE_FAILED",
    })
  })

  test("in sync since the last of them was; waiting since the first did", () => {
    const both = (status: Status) => aggregateStatus([report(status, 10), report(status, 20)])

    expect(both("in-sync").statusSince).toBe(20)
    expect(both("waiting").statusSince).toBe(10)
  })

  test("resyncing since the first that is not in sync", () => {
    const reports = [report("in-sync", 5), report("resyncing", 20), report("waiting", 10)]

    expect(aggregateStatus(reports)).toMatchObject({ status: "resyncing", statusSince: 10 })
  })

  test("WS-B7, U59: the same reports make an equal one", () => {
    const reports = [report("in-sync"), report("stale", 2, { code: "ERR_TIMEOUT" })]

    expect(aggregateStatus([...reports].reverse())).toEqual(aggregateStatus(reports))
  })
})
