import { memorySource } from "@headwater/syncer/memory"
import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import { createApp } from "../src/http/app.ts"
import { createHub } from "../src/hub.ts"
import { guardedLog, type Log, rareLog } from "../src/log.ts"

const failures: [string, Log][] = [
  [
    "throws",
    () => {
      throw new Error("no room on the disk")
    },
  ],
  ["rejects", () => Promise.reject(new Error("no room on the disk"))],
]

test.each(failures)("guardedLog() drops the error of a log that %s", (_, log) => {
  expect(() => guardedLog(log)("a line", { a: 1 })).not.toThrow()
})

test.each(failures)("a hub serves with a log that %s", async (_, log) => {
  const hub = createHub({ topics: [{ name: "t", source: memorySource() }], log })
  const app = createApp(hub, { anonymous: "write" })
  while (!hub.topic("t").wasInSync) await hub.topic("t").cache.changes.wait(never())
  const response = await app.request("/v1/topics/t/entry?key=a", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: "1",
  })

  expect(response.status).toBe(200)
  expect(hub.bugs.count).toBe(0)
  await hub.close(0)
})

test("rareLog() passes a line on once a minute, with the number that it held back", async () => {
  const clock = new ManualClock()
  const lines: unknown[] = []
  const log = rareLog((line, fields) => lines.push([line, fields]), clock)
  for (let n = 0; n < 100; n++) log("a write failed", { n })
  log("another line")
  await clock.advance(60_000)
  log("a write failed", { n: 100 })

  expect(lines).toEqual([
    ["a write failed", { n: 0 }],
    ["another line", undefined],
    ["a write failed", { n: 100, heldBack: 99 }],
  ])
})

test("rareLog() keeps a bounded number of lines apart", () => {
  const lines: string[] = []
  const log = rareLog((line) => lines.push(line), new ManualClock())
  for (let n = 0; n < 65; n++) log(`line ${n}`)
  log("line 64")
  log("line 0")

  expect(lines.slice(64)).toEqual(["line 64", "line 0"])
})

function never(): AbortSignal {
  return new AbortController().signal
}
