import { describe, expect, test } from "vitest"
import { Bugs } from "../src/bugs.ts"
import type { Log } from "../src/log.ts"

describe("Bugs", () => {
  test("logs the first ten reports, then every power of two, and counts all", () => {
    const lines: unknown[] = []
    const log: Log = (line, fields) => lines.push([line, fields?.bugs, fields?.topic])
    const bugs = new Bugs(log)
    for (let n = 0; n < 100; n++) bugs.report("a stream failed", new Error("x"), { topic: "t" })

    expect(bugs.count).toBe(100)
    const counts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32, 64]
    expect(lines).toEqual(counts.map((count) => ["bug: a stream failed", count, "t"]))
  })
})
