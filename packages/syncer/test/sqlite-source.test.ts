import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type Commit,
  isSyncError,
  type Source,
  systemClock,
  type WatchEvent,
} from "@headwater/core"
import { sourceConformance } from "@headwater/testing/conformance"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { engine } from "#sqlite"
import { type SqliteOptions, sqliteSource } from "../src/sources/sqlite/index.ts"

const clock = systemClock
const never = new AbortController().signal
const utf8 = (text: string) => new TextEncoder().encode(text)
const put = (key: string, value: string) => ({ op: "put" as const, key, value: utf8(value) })

sourceConformance({ describe, test, expect }, "SqliteSource", async () => {
  const folder = await mkdtemp(join(tmpdir(), "headwater-sqlite-"))
  const source = sqliteSource({ path: join(folder, "source.db"), clock })
  return {
    source,
    compact: () => source.compact(),
    openCalls: () => source.open,
    close: () => rm(folder, { recursive: true }),
  }
})

describe("SqliteSource", () => {
  let folder: string
  let opened: Source[]
  const open = (options: Partial<SqliteOptions> = {}) => {
    const source = sqliteSource({ path: join(folder, "new/folder/source.db"), clock, ...options })
    opened.push(source)
    return source
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "headwater-sqlite-"))
    opened = []
  })

  afterEach(async () => {
    for (const source of opened) await source.close()
    await rm(folder, { recursive: true })
  })

  test("keeps entries, revision, identity and history over a restart", async () => {
    const before = open()
    await write(before, "a", "1")
    await write(before, "b", "2")
    const identity = await before.identity(never)
    await before.close()

    const after = open()
    expect(await after.identity(never)).toEqual(identity)
    expect(await after.revision(never)).toBe(3)
    expect(await entriesOf(after)).toEqual([
      { key: "a", value: utf8("1"), revision: 2 },
      { key: "b", value: utf8("2"), revision: 3 },
    ])
    expect(await commitsOf(after, 2, 3)).toEqual([
      { revision: 2, changes: [put("a", "1")] },
      { revision: 3, changes: [put("b", "2")] },
    ])
    expect(await write(after, "c", "3")).toEqual({ written: true, revision: 4 })
  })

  test("two of them on one file see each other's writes and never share a revision", async () => {
    const one = open()
    const other = open()
    const heard = commitsOf(one, 2, 41)
    const turns = Array.from({ length: 20 }, (_, turn) => turn)
    const outcomes = await Promise.all(
      turns.flatMap((turn) => [write(one, `one/${turn}`, "x"), write(other, `two/${turn}`, "x")]),
    )

    const revisions = outcomes.map((outcome) => (outcome.written ? outcome.revision : 0))
    expect(revisions.sort((a, b) => a - b)).toEqual(turns.concat(20).flatMap(twice).slice(0, 40))
    expect((await heard).map(({ revision }) => revision)).toEqual(revisions)
    expect(await one.identity(never)).toEqual(await other.identity(never))
  })

  test("keeps history within its bounds: a watch from before them is lost", async () => {
    const source = open({ historyCommitsMax: 50 })
    for (let turn = 0; turn < 200; turn++) await write(source, "a", `${turn}`)

    expect(await source.oldest(never)).toBe(201 - 50)
    expect(await firstOf(source, 100)).toEqual({ type: "lost", reason: "compacted" })
    expect((await commitsOf(source, 152, 201)).length).toBe(50)
  })

  test("keeps history within its bytes and its age", async () => {
    const bytes = open({ path: join(folder, "bytes.db"), historyBytesMax: 10_000 })
    for (let turn = 0; turn < 100; turn++) await write(bytes, "a", "x".repeat(999))
    const age = open({ path: join(folder, "age.db"), historyAgeMaxMs: 0 })
    for (let turn = 0; turn < 3; turn++) await write(age, "a", `${turn}`)

    expect(await bytes.oldest(never)).toBe(101 - 10)
    expect(await age.oldest(never)).toBeGreaterThan(1)
  })

  test("a write waits for another's lock, and others can be read meanwhile", async () => {
    const source = open()
    const other = engine.open(source.path)
    other.exec("begin immediate")
    let isWritten = false
    const written = write(source, "a", "1").finally(() => {
      isWritten = true
    })
    await clock.sleep(50, never)
    const before = [isWritten, await source.revision(never)]
    other.exec("rollback")
    other.close()

    expect(before).toEqual([false, 1])
    expect(await written).toEqual({ written: true, revision: 2 })
  })

  test("a write that is left before it began is not written", async () => {
    const abort = new AbortController()
    const source = open()
    await write(source, "a", "1")
    const left = source.write({ conditions: [], changes: [put("b", "1")] }, abort.signal)
    abort.abort(new Error("left"))

    await expect(left).rejects.toEqual(new Error("left"))
    expect((await entriesOf(source)).length).toBe(1)
  })

  test("opening a file that is no database of ours says so in one line", async () => {
    const path = join(folder, "noise.db")
    await writeFile(path, "this is no database".repeat(500))
    let error: unknown
    try {
      sqliteSource({ path, clock })
    } catch (thrown) {
      error = thrown
    }

    expect(isSyncError(error) && error.message).toBe(`${path} is damaged, or no sqlite database`)
  })
})

const twice = (turn: number): number[] => [2 * turn + 2, 2 * turn + 3]

function write(source: Source, key: string, value: string) {
  const { signal } = new AbortController()
  return source.write!({ conditions: [], changes: [put(key, value)] }, signal)
}

async function entriesOf(source: Source) {
  const entries = []
  for await (const page of source.list({}, never)) entries.push(...page.entries)
  return entries
}

async function commitsOf(source: Source, from: number, until: number): Promise<Commit[]> {
  const told: Commit[] = []
  for await (const event of source.watch(from, never)) {
    if (event.type === "commits") told.push(...event.commits)
    if ((told.at(-1)?.revision ?? 0) >= until) break
  }
  return told
}

async function firstOf(source: Source, from: number): Promise<WatchEvent | undefined> {
  for await (const event of source.watch(from, never)) return event
  return undefined
}
