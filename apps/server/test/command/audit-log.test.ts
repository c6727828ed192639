import { ManualClock } from "@headwater/testing"
import { expect, test } from "vitest"
import { AuditLog } from "../../src/command/audit-log.ts"

test("AuditLog writes a line for each event, and tells of those that it lost", async () => {
  const clock = new ManualClock()
  const written: string[] = []
  let isFull = false
  const said: string[] = []
  const audit = new AuditLog(
    async (lines) => {
      if (isFull) throw new Error("ENOSPC")
      written.push(...lines.trimEnd().split("\n"))
    },
    clock,
    (line) => said.push(line),
  )
  const write = (key: string) =>
    audit.onAudit({ action: "write", identity: "file:a", topic: "t", keys: [key], revision: 1 })

  write("one")
  await audit.flush()
  isFull = true
  write("two")
  write("three")
  await audit.flush()
  isFull = false
  write("four")
  await audit.flush()

  expect(written.map((line) => JSON.parse(line))).toMatchObject([
    { time: "2026-01-01T00:00:00.000Z", action: "write", identity: "file:a", keys: ["one"] },
    { action: "lost", lines: 2 },
    { keys: ["four"] },
  ])
  expect([said.length, audit.lost]).toEqual([1, 0])
})

test("AuditLog holds a bounded number of lines while its place takes none", async () => {
  const audit = new AuditLog(
    () => new Promise(() => {}),
    new ManualClock(),
    () => {},
  )
  for (let n = 0; n < 1_000; n++) {
    audit.onAudit({ action: "write", topic: "t", keys: ["k".repeat(10_000)] })
  }

  expect(audit.lost).toBeGreaterThan(500)
})
