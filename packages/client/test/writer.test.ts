import { encodeErrorBody } from "@headwater/protocol"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type ConnectOptions, connect, type Replica } from "../src/index.ts"
import { WRITE_MS, WriteError, writer } from "../src/write.ts"
import { delta, type Exchange, hello, put, ScriptedHub, snapshot, sync } from "./scripted-hub.ts"

let hub: ScriptedHub
let replica: Replica
let stream: Exchange

beforeEach(async () => {
  hub = await ScriptedHub.listen()
})

afterEach(async () => {
  await replica.close()
  await hub[Symbol.asyncDispose]()
})

async function follow(options: Partial<ConnectOptions> = {}): Promise<void> {
  replica = connect({ url: `${hub.url}/mount/`, topic: "default", random: () => 0, ...options })
  stream = await hub.next()
  stream.send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
  await replica.ready
}

/** The answer of a hub to a write. */
const written = (revision: number) => JSON.stringify({ revision, position: `e.${revision}` })

/** The facts of the error of a write. */
async function failureOf(write: Promise<unknown>) {
  const error = await write.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(error instanceof WriteError)) return error
  const { code, recovery, failed, position } = error
  return { code, recovery, failed, position }
}

describe("writer()", () => {
  test("put() is over once the replica shows the value, and not before", async () => {
    await follow()
    const put_ = writer(replica).put("a/b &", { n: 1 })
    let isOver = false
    void put_.then(() => {
      isOver = true
    })
    const request = await hub.next()
    request.answer(200, written(2))
    await request.closed
    await new Promise((resolve) => setImmediate(resolve))
    expect(isOver).toBe(false)
    stream.send(delta(2, put("a/b &", 2, { n: 1 })))

    expect(await put_).toEqual({ epoch: "e", revision: 2 })
    expect(replica.get("a/b &")).toEqual({ n: 1 })
    expect([request.method, request.path, request.body]).toEqual([
      "PUT",
      "/mount/v1/topics/default/entry?key=a%2Fb%20%26",
      '{"n":1}',
    ])
  })

  test("sends conditions, deletes and batches by the protocol", async () => {
    await follow()
    const to = writer(replica)
    const asked: unknown[] = []
    const writes = [
      () => to.put("a", 2, { revision: 7 }),
      () => to.put("a", 2, { revision: 0 }),
      () => to.delete("a", { revision: 7 }),
      () => to.batch([{ op: "put", key: "a", value: 1 }], { if: [{ key: "b", revision: 0 }] }),
    ]
    for (const write of writes) {
      const writing = write()
      const request = await hub.next()
      request.answer(200, written(1))
      await writing
      const { method, body, headers } = request
      asked.push([method, headers["if-match"], headers["if-none-match"], body])
    }

    expect(asked).toEqual([
      ["PUT", "7", undefined, "2"],
      ["PUT", undefined, "*", "2"],
      ["DELETE", "7", undefined, ""],
      [
        "POST",
        undefined,
        undefined,
        '{"if":[{"key":"b","revision":0}],"changes":[{"op":"put","key":"a","value":1}]}',
      ],
    ])
  })

  test("a binary topic gets bytes, and base64 in a batch", async () => {
    await follow()
    const to = writer(replica, { values: "binary" })
    const single = to.put("a", Uint8Array.of(104, 105))
    const first = await hub.next()
    first.answer(200, written(1))
    await single
    const batch = to.batch([{ op: "put", key: "a", value: Uint8Array.of(0, 255) }])
    const second = await hub.next()
    second.answer(200, written(1))
    await batch

    expect([first.headers["content-type"], first.body]).toEqual(["application/octet-stream", "hi"])
    expect(JSON.parse(second.body).changes).toEqual([{ op: "put", key: "a", value: "AP8=" }])
  })

  test("names the revision of an entry that was not as asked", async () => {
    await follow()
    const writing = failureOf(writer(replica).put("a", 1, { revision: 3 }))
    const body = encodeErrorBody("ERR_CONFLICT", "the entry is at revision 5")
    ;(await hub.next()).answer(412, body, { "headwater-revision": "5" })

    expect(await writing).toEqual({
      code: "ERR_CONFLICT",
      recovery: "resync",
      failed: [{ key: "a", revision: 5 }],
      position: undefined,
    })
  })

  test.each([
    ["HTML", (request: Exchange) => request.answer(502, "<html>")],
    ["half a JSON", (request: Exchange) => request.answer(200, '{"revision":')],
    ["a cut", (request: Exchange) => request.destroy()],
  ])("%s leaves the outcome unknown, and is not tried again", async (_name, answer) => {
    await follow()
    const writing = failureOf(writer(replica).put("a", 1))
    answer(await hub.next())

    expect(await writing).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN", recovery: "retry" })
    expect(hub.waiting).toBe(0)
  })

  test("silence leaves the outcome unknown after 15 s", async () => {
    const clock = new ManualClock()
    await follow({ clock })
    const writing = failureOf(writer(replica).put("a", 1))
    const request = await hub.next()
    await clock.advance(WRITE_MS)

    expect(await writing).toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" })
    await request.closed
  })

  test("a 401 is tried once more, with a fresh token", async () => {
    const asked: unknown[] = []
    await follow({ token: (expired) => `t${asked.push(expired)}` })
    const refuse = (request: Exchange) =>
      request.answer(401, encodeErrorBody("ERR_UNAUTHENTICATED", "expired"))
    const to = writer(replica)
    const writing = to.put("a", 1)
    refuse(await hub.next())
    const again = await hub.next()
    again.answer(200, written(1))
    await writing
    const failing = failureOf(to.put("a", 1))
    refuse(await hub.next())
    refuse(await hub.next())

    expect(again.headers.authorization).toBe("Bearer t3")
    expect(asked).toEqual([undefined, undefined, "t2", "t3"])
    expect(await failing).toMatchObject({ code: "ERR_UNAUTHENTICATED", recovery: "stop" })
  })

  test("marks a write that was made, but that the replica does not show", async () => {
    await follow()
    const writing = failureOf(writer(replica).put("a", 1))
    const request = await hub.next()
    const hubTells = request.closed
    request.answer(200, written(9))
    await hubTells
    // Turns of the event loop, so that the answer has been read.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    await replica.close()

    expect(await writing).toEqual({
      code: "ERR_CLOSED",
      recovery: "retry",
      failed: [],
      position: { epoch: "e", revision: 9 },
    })
  })

  test("rejects with the reason of its signal, before, while and after it is sent", async () => {
    await follow()
    const to = writer(replica)
    const reason = new Error("enough")
    expect(await failureOf(to.put("a", 1, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const leaving = new AbortController()
    const writing = failureOf(to.put("a", 1, { signal: leaving.signal }))
    await hub.next()
    leaving.abort(reason)

    expect(await writing).toBe(reason)
  })

  test("refuses a replica that connect() did not make", async () => {
    await follow()

    expect(() => writer({ ...replica, link: undefined } as Replica)).toThrow(TypeError)
  })
})
