import { describe, expect, test } from "vitest"
import { CommitLog, type LoggedChange } from "../src/sources/memory/commit-log.ts"

const bytes = (length: number, byte = 1) => new Uint8Array(length).fill(byte)
const put = (key: string, length: number, byte = 1): LoggedChange => ({
  change: { op: "put", key, value: bytes(length, byte) },
  revisionBefore: 0,
  valueBefore: bytes(0),
})

describe("CommitLog", () => {
  test("tells each commit as it was, with what it replaced", () => {
    const log = new CommitLog(2, 1 << 20)
    const first = [put("a", 3), put("\ufeffä🜁", 0)]
    const second: LoggedChange[] = [
      { change: { op: "delete", key: "a" }, revisionBefore: 2, valueBefore: bytes(3) },
    ]
    log.append(first)
    log.append(second)
    log.append([])

    expect([log.read(2), log.read(3), log.read(4)]).toEqual([first, second, []])
    expect(log.commitAt(3)).toEqual({ revision: 3, changes: [{ op: "delete", key: "a" }] })
  })

  test("holds no more bytes than its bound and a sixteenth, and counts all of them", () => {
    const log = new CommitLog(2, 160_000)
    for (let turn = 0; turn < 5_000; turn++) log.append([put(`key ${turn}`, 190, turn & 255)])

    expect(log.bytes).toBeLessThanOrEqual(170_000)
    expect(log.next - log.oldest).toBeGreaterThan(600)
    const turn = log.oldest - 2
    expect(log.read(log.oldest)).toEqual([put(`key ${turn}`, 190, turn & 255)])
  })

  test("keeps the newest commit whatever it weighs, and no array of what is forgotten", () => {
    const log = new CommitLog(2, 1_000)
    log.append([put("a", 10)])
    log.append([put("large", 50_000)])
    const kept = log.oldest
    log.forget(log.next)

    expect([kept, log.oldest, log.bytes]).toEqual([3, 4, 0])
  })
})
