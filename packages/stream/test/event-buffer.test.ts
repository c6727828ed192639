import { ClosedError, LaggedError, SourceError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Engine } from "@headwater/core/engine"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { EventBuffer } from "../src/event-buffer.ts"
import type { EventItem } from "../src/event-item.ts"
import { keepsOf } from "../src/policy.ts"

const builds = [
  ["release", {}],
  ["debug", { build: debugBuild }],
] as const
const bytes = (text: string) => new TextEncoder().encode(text)
const textOf = ({ payload }: EventItem) => new TextDecoder().decode(payload)

describe.each(builds)("EventBuffer (%s wasm)", (_name, options) => {
  let engine: Engine
  let clock: ManualClock
  let buffer: EventBuffer

  beforeEach(() => {
    engine = createEngine(options)
    clock = new ManualClock()
    buffer = new EventBuffer(engine, clock)
  })

  // Each test closes its own cursors, and this closes the buffer. What is left is a leak.
  afterEach(() => {
    buffer.close()
    expect(engine.liveBytes()).toBe(0)
    expect(buffer.changes.size).toBe(0)
  })

  const append = (revision: number, text = "x") => buffer.append({ revision, payload: bytes(text) })

  test("follow() starts at the end: what was appended before it is not seen (CS-B1, CS-B9)", () => {
    append(1)
    const cursor = buffer.follow()

    expect(cursor.advance()).toBeUndefined()
    append(2)
    expect(cursor.advance()?.revision).toBe(2)
    cursor.close()
  })

  test("an item comes out as it went in, and is numbered (CS-B2)", () => {
    const cursor = buffer.follow()
    buffer.append({ revision: 7, version: 3, payload: bytes("seven") })

    expect(cursor.advance()).toEqual({
      sequence: 1,
      version: 3,
      revision: 7,
      kind: "events",
      payload: bytes("seven"),
    })
    expect(buffer.revision).toBe(7)
    cursor.close()
  })

  test("next() resolves with the item whose append woke it (CS-B4, CS-B6)", async () => {
    const cursors = [buffer.follow(), buffer.follow()]
    const nexts = cursors.map((cursor) => cursor.next())
    append(7, "a")

    expect((await Promise.all(nexts)).map(textOf)).toEqual(["a", "a"])
    for (const cursor of cursors) cursor.close()
  })

  test("next() rejects with the abort reason, and has not moved", async () => {
    const abort = new AbortController()
    const cursor = buffer.follow()
    const next = cursor.next(abort.signal)
    abort.abort(new Error("client left"))

    await expect(next).rejects.toThrow("client left")
    append(1)
    expect(cursor.advance()?.revision).toBe(1)
    cursor.close()
  })

  test("next() returns an item to a cancelled caller: data beats cancelled (CS-B8)", async () => {
    const cursor = buffer.follow()
    append(1)
    const item = await cursor.next(AbortSignal.abort(new Error("late")))

    expect(item.revision).toBe(1)
    await expect(cursor.next(AbortSignal.abort(new Error("late")))).rejects.toThrow("late")
    cursor.close()
  })

  test("close() beats unread items, and wakes waiting readers with the reason", async () => {
    const waiting = buffer.follow()
    const behind = buffer.follow()
    append(1)
    waiting.advance()
    const next = waiting.next()
    buffer.close("shutdown")

    await expect(next).rejects.toEqual(new ClosedError("shutdown"))
    expect(() => behind.advance()).toThrow(new ClosedError("shutdown"))
    expect(() => append(2)).toThrow(new ClosedError("shutdown"))
  })

  test("empty items are passed over; an error is thrown each time (CS-B11, CS-B39)", () => {
    const cursor = buffer.follow()
    buffer.append({ revision: 0, kind: "empty", payload: bytes("") })
    append(4)
    buffer.append({ revision: 0, kind: "error", payload: bytes("broken") })

    expect(cursor.advance()?.revision).toBe(4)
    expect(() => cursor.advance()).toThrow(new SourceError("broken"))
    expect(() => cursor.advance()).toThrow(new SourceError("broken"))
    expect(buffer.revision).toBe(4)
    cursor.close()
  })

  test("a cursor keeps what it has yet to read; closing it frees all of it (CS-B5)", () => {
    append(1)
    const before = engine.liveBytes()
    const slow = buffer.follow()
    for (let revision = 2; revision <= 1_001; revision++) append(revision)

    expect(engine.stats().items).toBe(1_001)
    expect(slow.unread).toEqual({ items: 1_000, bytes: 1_000, behindMs: 0, servedMs: 0 })
    slow.close()
    expect(engine.stats().items).toBe(1)
    expect(engine.liveBytes()).toBe(before)
  })

  test("a bounded cursor is let go by the append that is too much for it", () => {
    const policy = { type: "pin", itemsMax: 3, bytesMax: 100 } as const
    const slow = buffer.follow(keepsOf(policy))
    const quick = buffer.follow(keepsOf(policy))
    for (let revision = 1; revision <= 4; revision++) {
      append(revision)
      quick.advance()
    }

    expect(engine.stats().items).toBe(1)
    expect(() => slow.advance()).toThrow(new LaggedError(0, 4))
    expect(quick.unread.items).toBe(0)
    slow.close()
    quick.close()
  })

  test("lag counts from the first unread item, however long nothing came before", async () => {
    const policy = { type: "disconnect", lagMs: 1_000, graceMs: 500 } as const
    const cursor = buffer.follow(keepsOf(policy))
    await clock.advance(60_000)
    append(1)
    expect(cursor.unread).toEqual({ items: 1, bytes: 1, behindMs: 0, servedMs: 60_000 })

    await clock.advance(1_000)
    append(2)
    expect(cursor.over).toBeUndefined()

    await clock.advance(1)
    append(3)
    expect(cursor.over).toEqual(new LaggedError(1_001, 3))
    cursor.close()
  })

  test("clone() stands at the same place, with a life of its own", () => {
    const cursor = buffer.follow()
    append(1)
    const other = cursor.clone()
    cursor.close()

    expect(other.advance()?.revision).toBe(1)
    other.close()
    expect(() => other.clone()).toThrow(new ClosedError("unsubscribed"))
  })
})
