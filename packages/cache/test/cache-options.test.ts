import type { Position } from "@headwater/core"
import type { Policy } from "@headwater/stream"
import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import type { SnapshotCacheOptions } from "../src/cache-options.ts"
import { SnapshotCache } from "../src/snapshot-cache.ts"

const clock = new ManualClock()
const refused = (name: string, message: string) => expect.objectContaining({ name, message })

describe("SnapshotCache options", () => {
  test.each<[options: object, message: string]>([
    [{}, "SnapshotCache: clock is undefined; it must be an object"],
    [
      { clock, epoch: "e1" },
      "SnapshotCache: there is no option epoch; " +
        "the options are clock, engine, limits, validate, observer",
    ],
    [{ clock, validate: true }, "SnapshotCache: validate is true; it must be a function"],
    [
      { clock, limits: { leaseMs: Number.NaN } },
      "SnapshotCache: limits: leaseMs is NaN; it must be a number of ms from 1 up; " +
        "Infinity is never",
    ],
    [
      { clock, limits: { tableRowsMax: 3 } },
      "SnapshotCache: limits: tableRowsMax is 3; it must be an integer ≥ 4",
    ],
  ])("%j is refused", (options, message) => {
    expect(() => new SnapshotCache(options as SnapshotCacheOptions)).toThrow(
      refused("OptionError", message),
    )
  })

  test("an unknown limit is refused, and named", () => {
    const limits = { historyMax: 1 } as object

    expect(() => new SnapshotCache({ clock, limits })).toThrow(/there is no option historyMax/)
  })

  test("history and leases may last for ever", async () => {
    const limits = { historyMs: Number.POSITIVE_INFINITY, leaseMs: Number.POSITIVE_INFINITY }
    const cache = new SnapshotCache({ clock, limits })
    cache.renew("e1")
    cache.beginResync()
    await cache.endResync(1)
    await clock.advance(10 ** 9)
    await cache.applyCommits([{ revision: 2, changes: [{ op: "delete", key: "a" }] }])

    expect(cache.locate({ epoch: "e1", revision: 1 }).type).toBe("resume")
    await cache.close()
  })
})

describe("follow() and locate()", () => {
  const cache = new SnapshotCache({ clock })
  const { signal } = new AbortController()
  const conflate: Policy = { type: "conflate" }

  test.each<[from: unknown, policy: unknown, signal: unknown, message: string]>([
    ["e1.3", conflate, signal, 'a position is { epoch, revision }, not "e1.3"'],
    [{ epoch: "e1" }, conflate, signal, "a position is { epoch, revision }, not of type object"],
    [
      undefined,
      { type: "drop" },
      signal,
      'follow: policy.type is "drop"; it must be one of conflate, pin, disconnect',
    ],
    [
      undefined,
      { type: "pin", itemsMax: 1 },
      signal,
      "follow: policy pin: bytesMax is undefined; it must be an integer ≥ 1",
    ],
    [
      undefined,
      { type: "disconnect", lagMs: -1, graceMs: 0 },
      signal,
      "follow: policy disconnect: lagMs is -1; it must be a number of ms from 0 up; " +
        "Infinity is never",
    ],
    [undefined, conflate, undefined, "follow: signal is undefined; it must be an AbortSignal"],
  ])("follow(%j, %j) is refused at the call", (from, policy, given, message) => {
    const follow = () => cache.follow(from as Position, policy as Policy, given as AbortSignal)

    expect(follow).toThrow(expect.objectContaining({ message, recovery: "stop" }))
  })

  test("locate() refuses the text of a position", () => {
    expect(() => cache.locate("e1.3" as unknown as Position)).toThrow(
      refused("PositionError", 'a position is { epoch, revision }, not "e1.3"'),
    )
  })
})
