import { encodeErrorBody } from "@headwater/protocol"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { entryType, type HubTypeOptions, listType } from "../src/read-through/index.ts"
import { ScriptedHub } from "./scripted-hub.ts"

let hub: ScriptedHub

beforeEach(async () => {
  hub = await ScriptedHub.listen()
})

// Every read lets go of its request, so the hub can close.
afterEach(() => hub[Symbol.asyncDispose]())

const optionsOf = (more: Partial<HubTypeOptions> = {}) => ({ url: hub.url, topic: "t", ...more })
const at = (revision: number) => ({ epoch: "e", revision })
const never = new AbortController().signal

const json = (position: string, revision: number) => ({
  "content-type": "application/json",
  "headwater-position": position,
  "headwater-revision": String(revision),
})

/** A first read of an entry, or one that waits after another. */
function read(type = entryType(optionsOf()), last?: Awaited<ReturnType<typeof type.fetch>>) {
  const position = last && { epoch: last.epoch ?? "", revision: last.revision }
  return type.fetch(
    {
      request: { key: "a b" },
      since: position,
      waitMs: 5_000,
      last: last && { value: last.value ?? null, state: last.state, position: position! },
    },
    never,
  )
}

describe("entryType and listType", () => {
  test("keep an entry, and its waiting GET, for 20 minutes or as long as is said", () => {
    const types = [entryType(optionsOf()), listType(optionsOf())]
    expect(types.map(({ ttlMs }) => ttlMs)).toEqual([1_200_000, 1_200_000])
    expect(entryType(optionsOf({ ttlMs: 5_000 })).ttlMs).toBe(5_000)
    expect(() => listType(optionsOf({ ttlMs: -1 }))).toThrow("ttlMs")
  })
})

describe("entryType", () => {
  test("asks at once the first time, then since where the hub was, with the ETag", async () => {
    const type = entryType(optionsOf())
    const first = read(type)
    const asked = await hub.next()
    asked.answer(200, "[1]", json("e.9", 4))
    const found = await first
    expect(asked.path).toBe("/v1/topics/t/entry?key=a%20b")
    expect(found).toEqual({
      value: { key: "a b", value: [1], revision: 4 },
      revision: 4,
      epoch: "e",
      state: { upTo: at(9) },
    })
    const second = read(type, found)
    const waits = await hub.next()
    waits.answer(304, "", json("e.12", 4))

    expect(waits.path).toBe("/v1/topics/t/entry?key=a%20b&since=e.9&wait=5000")
    expect(waits.headers["if-none-match"]).toBe('"e.4"')
    expect(await second).toEqual({
      notModified: true,
      revision: 4,
      epoch: "e",
      state: { upTo: at(12) },
    })
  })

  test("CC-B46: an absent entry has the revision at which it was first seen to be", async () => {
    const type = entryType(optionsOf())
    const absent = encodeErrorBody("ERR_KEY_ABSENT", "there is no such entry")
    const first = read(type)
    ;(await hub.next()).answer(404, absent, { "headwater-position": "e.7" })
    const found = await first
    expect(found).toMatchObject({ value: null, notModified: false, revision: 7 })
    const second = read(type, found)
    ;(await hub.next()).answer(404, absent, { "headwater-position": "e.30" })
    const again = await second
    expect(again).toMatchObject({ value: null, notModified: true, revision: 7 })
    const third = read(type, again)
    ;(await hub.next()).answer(404, absent, { "headwater-position": "f.2" })

    expect(await third).toMatchObject({ notModified: false, revision: 2, epoch: "f" })
  })

  test("reads text as text, and bytes as bytes", async () => {
    const text = read()
    ;(await hub.next()).answer(200, "é", { ...json("e.1", 1), "content-type": "text/plain" })
    const bytes = read()
    const binary = { ...json("e.1", 1), "content-type": "application/octet-stream" }
    ;(await hub.next()).answer(200, "ab", binary)

    expect((await text).value?.value).toBe("é")
    expect((await bytes).value?.value).toEqual(Uint8Array.of(97, 98))
  })

  test.each([
    ["HTML of a proxy", 502, "<html>", {}, "ERR_SOURCE_FAILED", "retry"],
    ["HTML that says 200", 200, "<html>", {}, "ERR_SOURCE_FAILED", "retry"],
    ["half a JSON", 200, "[1", json("e.1", 1), "ERR_SOURCE_FAILED", "retry"],
    ["a position that is none", 200, "1", json("e", 1), "ERR_SOURCE_FAILED", "retry"],
    ["a 404 of somebody else", 404, "", {}, "ERR_SOURCE_FAILED", "retry"],
    ["no token", 401, encodeErrorBody("ERR_FORBIDDEN", "x"), {}, "ERR_UNAUTHENTICATED", "stop"],
    ["too many", 429, encodeErrorBody("ERR_TOO_MANY", "x"), {}, "ERR_TOO_MANY", "retry"],
  ])("is told of %s", async (_name, status, body, headers, code, recovery) => {
    const failed = read()
    ;(await hub.next()).answer(status, body, headers)

    await expect(failed).rejects.toMatchObject({ name: "HubReadError", code, recovery })
  })

  test("fails when the hub goes, or is not there", async () => {
    const failed = read()
    ;(await hub.next()).destroy()
    await expect(failed).rejects.toMatchObject({ code: "ERR_SOURCE_FAILED" })
    const nowhere = read(entryType(optionsOf({ url: "http://127.0.0.1:1" })))

    await expect(nowhere).rejects.toMatchObject({ code: "ERR_SOURCE_FAILED" })
  })

  test("CC-W3: lets go of its request when the read is aborted", async () => {
    const leaving = new AbortController()
    const options = { request: { key: "a" }, since: undefined, waitMs: 0, last: undefined }
    const failed = entryType(optionsOf()).fetch(options, leaving.signal)
    const told = expect(failed).rejects.toThrow("gone")
    const asked = await hub.next()
    leaving.abort(new Error("gone"))
    await asked.closed

    await told
  })

  test("asks the hub of the request's partition, with its token", async () => {
    const url = (partition: string | undefined) => `${hub.url}/${partition}/`
    const type = entryType(optionsOf({ url, token: "shared" }))
    const request = { key: "a", partition: "north", token: "own" }
    const found = type.fetch({ request, since: undefined, waitMs: 0, last: undefined }, never)
    const asked = await hub.next()
    asked.answer(200, "1", json("e.1", 1))
    await found

    expect([asked.path, asked.headers.authorization]).toEqual([
      "/north/v1/topics/t/entry?key=a",
      "Bearer own",
    ])
  })
})

describe("listType", () => {
  test("is in the order of keys, and not modified when its entries are the same", async () => {
    const type = listType(optionsOf())
    const body = (revision: number) =>
      JSON.stringify({
        entries: [
          { key: "b", value: 2, revision },
          { key: "a", value: 1, revision: 1 },
        ],
      })
    const ask = (last?: Awaited<ReturnType<typeof type.fetch>>) => {
      const position = last && { epoch: "e", revision: last.revision }
      const before = last && { value: last.value ?? [], state: last.state, position: position! }
      const options = { request: { key: "*" }, since: position, waitMs: 9, last: before }
      return type.fetch(options, never)
    }
    const first = ask()
    ;(await hub.next()).answer(200, body(2), json("e.3", 3))
    const found = await first
    expect([found.value?.map(({ key }) => key), found.revision]).toEqual([["a", "b"], 3])
    const second = ask(found)
    const waits = await hub.next()
    waits.answer(200, body(2), json("e.8", 8))
    expect(waits.path).toBe("/v1/topics/t/entries?prefix=&since=e.3&wait=9")
    expect(await second).toMatchObject({ notModified: true, revision: 3, state: { upTo: at(8) } })
    const third = ask(found)
    ;(await hub.next()).answer(200, body(9), json("e.9", 9))

    expect(await third).toMatchObject({ revision: 9, value: [{ key: "a" }, { key: "b" }] })
  })
})

test("a leading U+FEFF of a text is kept", async () => {
  const reading = read()
  const headers = { ...json("e.1", 1), "content-type": "text/plain; charset=utf-8" }
  ;(await hub.next()).answer(200, "\uFEFFa", headers)

  expect(await reading).toMatchObject({ value: { value: "\uFEFFa" } })
})
