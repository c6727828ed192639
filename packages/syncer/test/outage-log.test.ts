import { ManualClock } from "@headwater/testing"
import { describe, expect, test } from "vitest"
import { OutageLog } from "../src/outage-log.ts"

const MINUTE_MS = 60_000
const refused = new Error("connection refused")

async function setUp() {
  const clock = new ManualClock()
  const lines: string[] = []
  const log = new OutageLog("etcd://a/", clock, (line, fields) =>
    lines.push(
      fields && Object.keys(fields).length > 0 ? `${line} ${JSON.stringify(fields)}` : line,
    ),
  )
  return { clock, lines, log }
}

describe("OutageLog", () => {
  test("an hour of failures every second is one line, and counts ever more rarely", async () => {
    const { clock, lines, log } = await setUp()

    for (let second = 0; second < 3_600; second++) {
      log.failed("etcd://a/ failed", refused)
      await clock.advance(1_000)
    }
    log.status("in-sync")

    const text = "etcd://a/ failed: connection refused; retrying"
    expect(lines).toEqual([
      text,
      `${text} {"failures":61,"durationMs":60000}`,
      `${text} {"failures":181,"durationMs":180000}`,
      `${text} {"failures":421,"durationMs":420000}`,
      `${text} {"failures":901,"durationMs":900000}`,
      `${text} {"failures":1861,"durationMs":1860000}`,
      'etcd://a/ is back {"failures":3600,"durationMs":3600000}',
    ])
  })

  test("another failure is logged when it first happens", async () => {
    const { lines, log } = await setUp()

    for (let turn = 0; turn < 10; turn++) {
      log.failed("etcd://a/ failed", refused)
      log.failed("etcd://a/ failed", new Error("permission denied"))
    }

    expect(lines).toHaveLength(2)
  })

  test("a link that works for a moment each time is one outage", async () => {
    const { clock, lines, log } = await setUp()

    for (let turn = 0; turn < 20; turn++) {
      log.failed("the watch of etcd://a/ ended (closed)", refused)
      log.status("in-sync")
      log.status("stale")
      await clock.advance(1_000)
    }
    log.healthy()
    log.status("resyncing")

    expect(lines).toEqual([
      "the watch of etcd://a/ ended (closed): connection refused; retrying",
      'etcd://a/ is back {"failures":1,"durationMs":0}',
      'etcd://a/ is back {"failures":20,"durationMs":20000}',
      "status resyncing",
    ])
  })

  test("an outage that is over is forgotten", async () => {
    const { clock, lines, log } = await setUp()

    for (let turn = 0; turn < 2; turn++) {
      log.failed("etcd://a/ failed", refused)
      await clock.advance(10 * MINUTE_MS)
      log.status("in-sync")
      log.healthy()
    }

    expect(lines).toHaveLength(4)
    expect(lines[2]).toBe(lines[0])
  })
})
