import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Change, isSyncError, type Source, systemClock } from "@headwater/core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { etcdSource } from "../src/sources/etcd/index.ts"
import { memorySource } from "../src/sources/memory/index.ts"
import { sqliteSource } from "../src/sources/sqlite/index.ts"
import { contentOf, never, put } from "./harness.ts"

const clock = systemClock
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-writes-"))
})
afterAll(() => rm(folder, { recursive: true }))

const sources: readonly (readonly [name: string, open: () => Source])[] = [
  ["memory", () => memorySource()],
  ["sqlite", () => sqliteSource({ path: join(folder, "writes.db"), clock })],
  // Nothing listens there: what is refused was not sent.
  [
    "etcd",
    () => etcdSource({ endpoints: ["http://127.0.0.1:1"], prefix: "/", write: true, clock }),
  ],
]

const put2 = (key: unknown, value: unknown) => ({ op: "put", key, value }) as Change
const refused: readonly (readonly [name: string, changes: readonly Change[], code: string])[] = [
  ["half a surrogate pair", [put("a\ud800", "1")], "ERR_KEY_INVALID"],
  ["no text for a key", [put2(7, new Uint8Array(1))], "ERR_KEY_INVALID"],
  ["an empty key", [put("", "1")], "ERR_KEY_INVALID"],
  ["a key that is changed twice", [put("a", "1"), put("a", "2")], "ERR_KEY_INVALID"],
  ["a text for a value", [put2("a", "text")], "ERR_VALUE_INVALID"],
  ["a buffer for a value", [put2("a", new ArrayBuffer(15))], "ERR_VALUE_INVALID"],
  ["no value", [put2("a", undefined)], "ERR_VALUE_INVALID"],
]

describe.each(sources)("a write to %s", (_name, open) => {
  test.each(refused)("with %s is refused", async (_what, changes, code) => {
    const source = open()
    const error = await source.write!({ conditions: [], changes }, never).catch((thrown) => thrown)
    await source.close()

    expect(isSyncError(error) && error.code).toBe(code)
  })
})

test.each(sources.slice(0, 2))(
  "%s stores other views of a buffer by their bytes",
  async (_n, open) => {
    const source = open()
    const words = new Uint16Array([0x6261, 0x6463, 0x6665]).subarray(1)
    await source.write!({ conditions: [], changes: [put2("\ufeffkey", words)] }, never)
    const content = await contentOf(source)
    await source.close()

    expect(content).toEqual({ "\ufeffkey": "cdef at 2" })
  },
)
