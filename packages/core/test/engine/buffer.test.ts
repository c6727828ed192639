import { DisposedError, InvariantError, MemoryFullError } from "@headwater/core"
import { describe, expect, test } from "vitest"
import { builds, bytes, engineOf } from "./builds.ts"

describe.each(builds)("Buffer (%s wasm)", (build) => {
  test("CS-B1: a new buffer stands on an empty item that can be waited on", () => {
    using engine = engineOf(build)
    using buffer = engine.buffer()
    using cursor = buffer.follow()

    expect(cursor.item()).toEqual({
      kind: "empty",
      version: 0,
      revision: 0,
      payload: new Uint8Array(0),
    })
    expect(cursor.hasNext()).toBe(false)
    expect(cursor.advance()).toBeUndefined()
  })

  test("what an item is can be read without its payload, and numbers out of that", () => {
    using engine = engineOf(build)
    using buffer = engine.buffer()
    using cursor = buffer.follow()
    const numbers = [1.5, 2 ** 40]
    buffer.append({ version: 3, revision: 7, kind: "error", numbers, payload: bytes("abc") })
    cursor.move()

    const { kind, version, revision, payloadBytes } = cursor
    expect({ kind, version, revision, payloadBytes }).toEqual({
      kind: "error",
      version: 3,
      revision: 7,
      payloadBytes: 19,
    })
    expect([cursor.number(0), cursor.number(1)]).toEqual([1.5, 2 ** 40])
    expect(cursor.item().payload).toEqual(
      new Uint8Array([...new Uint8Array(new Float64Array(numbers).buffer), ...bytes("abc")]),
    )
    expect(() => cursor.number(2)).toThrow(InvariantError)
    expect(() => cursor.number(-1)).toThrow(InvariantError)
  })

  test("CS-B5: cursors read at their own pace; items before all of them are freed", () => {
    using engine = engineOf(build)
    const buffer = engine.buffer()
    const fast = buffer.follow()
    const slow = buffer.follow()
    for (let revision = 1; revision <= 1_000; revision++) {
      buffer.append({ version: revision, revision, payload: bytes(`p${revision}`) })
    }

    for (let revision = 1; revision <= 1_000; revision++) {
      const item = { kind: "events", version: revision, revision, payload: bytes(`p${revision}`) }
      expect(fast.advance()).toEqual(item)
    }
    expect(engine.stats().items).toBe(1_001)
    expect(slow.advance()?.revision).toBe(1)
    expect(engine.stats().items).toBe(1_000)
    slow.dispose()
    expect(engine.stats().items).toBe(1)
    fast.dispose()
    buffer.dispose()
    expect(engine.liveBytes()).toBe(0)
  })

  test("a million items are released without recursion", () => {
    using engine = engineOf(build)
    const buffer = engine.buffer()
    const cursor = buffer.follow()
    for (let revision = 1; revision <= 1_000_000; revision++)
      buffer.append({ version: 0, revision })

    cursor.dispose()
    expect(engine.stats().items).toBe(1)
    buffer.dispose()
    expect(engine.liveBytes()).toBe(0)
  })

  test("CS-B2: splice() links what follows a cursor to another buffer's end", () => {
    using engine = engineOf(build)
    const live = engine.buffer()
    const from = live.follow()
    live.append({ version: 1, revision: 1, payload: bytes("live 1") })
    from.move()
    const snapshot = engine.buffer()
    const reader = snapshot.follow()
    snapshot.append({ version: 0, revision: 0, payload: bytes("snapshot") })
    snapshot.splice(from)
    live.append({ version: 2, revision: 2, payload: bytes("live 2") })

    const seen = [reader.advance(), reader.advance(), reader.advance(), reader.advance()]
    expect(seen.map((item) => item && new TextDecoder().decode(item.payload))).toEqual([
      "snapshot",
      "live 1",
      "live 2",
      undefined,
    ])
    for (const handle of [from, reader, snapshot, live]) handle.dispose()
    expect(engine.liveBytes()).toBe(0)
  })

  test("error and empty items keep their place", () => {
    using engine = engineOf(build)
    using buffer = engine.buffer()
    using cursor = buffer.follow()
    buffer.append({ version: 0, revision: 0, kind: "empty" })
    buffer.append({ version: 0, revision: 5, kind: "error", payload: bytes("ERR") })

    expect([cursor.advance()?.kind, cursor.advance()?.kind]).toEqual(["empty", "error"])
  })

  test("append() without room throws, and the trail is as it was", () => {
    using engine = engineOf(build, { bytesMax: 4 * 2 ** 20 })
    using buffer = engine.buffer()
    using cursor = buffer.follow()
    const payload = new Uint8Array(60_000)
    const fill = () => {
      for (;;) buffer.append({ version: 0, revision: 1, payload })
    }

    expect(fill).toThrow(MemoryFullError)
    while (cursor.move());
    buffer.append({ version: 0, revision: 2, payload: bytes("again") })
    expect(cursor.advance()?.payload).toEqual(bytes("again"))
  })

  test("handles say their name after dispose()", () => {
    using engine = engineOf(build)
    const buffer = engine.buffer()
    const cursor = buffer.follow()
    buffer.dispose()
    cursor.dispose()

    expect(() => buffer.follow()).toThrow(new DisposedError("the buffer is disposed of"))
    expect(() => cursor.advance()).toThrow(new DisposedError("the cursor is disposed of"))
  })
})
