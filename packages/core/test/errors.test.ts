import { assert, ClosedError, CompactedError, isSyncError, SourceError } from "@headwater/core"
import { describe, expect, test } from "vitest"

describe("SyncError", () => {
  test("isSyncError() knows ours by their brand, not by their class", () => {
    const foreign = { [Symbol.for("@headwater/core/SyncError")]: true }

    expect([new SourceError("x"), foreign, new Error("x"), null, "x"].map(isSyncError)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ])
  })

  test("code, recovery and facts are fields", () => {
    const { code, recovery, requested, oldest, message } = new CompactedError(3, 7)

    expect({ code, recovery, requested, oldest, message }).toEqual({
      code: "ERR_COMPACTED",
      recovery: "resync",
      requested: 3,
      oldest: 7,
      message: "revision 3 is compacted; the oldest kept is 7",
    })
  })

  test("a ClosedError recovers by its reason", () => {
    const reasons = ["unsubscribed", "forced", "auth-changed", "refresh", "shutdown"] as const

    expect(reasons.map((reason) => new ClosedError(reason).recovery)).toEqual([
      "stop",
      "resync",
      "retry",
      "resync",
      "retry",
    ])
  })

  test("assert() names what was expected", () => {
    expect(() => assert(false, "a reason")).toThrow("a reason")
    assert(true, "nothing")
  })
})
