import { execFile, spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { isSyncError, systemClock, type WatchEvent } from "@headwater/core"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { engine } from "#sqlite"
import { type SqliteOptions, type SqliteSource, sqliteSource } from "../src/sources/sqlite/index.ts"
import { contentOf, contentOfCache, Hub, never, put, write } from "./harness.ts"

const here = fileURLToPath(new URL(".", import.meta.url))
const isBuilt = existsSync(join(here, "../dist/sources/sqlite/index.js"))

let folder: string
let path: string
let opened: SqliteSource[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-sqlite-"))
  path = join(folder, "source.db")
  opened = []
})

afterEach(async () => {
  for (const source of opened) await source.close()
  await rm(folder, { recursive: true })
})

function open(options: Partial<SqliteOptions> = {}): SqliteSource {
  const source = sqliteSource({ path, clock: systemClock, ...options })
  opened.push(source)
  return source
}

describe("a sqlite file and other processes", () => {
  test.skipIf(!isBuilt)("several that write at once each get revisions of their own", async () => {
    const source = open()
    const names = ["one", "two", "three"]
    const told = commitsUntil(source, 1 + names.length * WRITES)
    const revisions = await Promise.all(names.map((name) => writeElsewhere(name)))

    const all = revisions.flat().sort((a, b) => a - b)
    expect(all).toEqual(Array.from({ length: names.length * WRITES }, (_, index) => index + 2))
    expect(await told).toEqual(all)
    const content = await contentOf(source)
    expect(Object.keys(content).length).toBe(names.length * 5 + 1)
    expect(content["two/4"]).toBe(`${WRITES - 1} at ${revisions[1]?.at(-1)}`)
  })

  test("a lock that is held for longer than a write waits is an error that says so", async () => {
    const clock = new ManualClock()
    const source = open({ clock })
    const other = engine.open(path)
    other.exec("begin immediate")
    const refused = write(source, put("a", "1")).catch((error) => error)
    for (let waited = 0; waited < 6_000; waited += 50) await clock.advance(50)
    const error = await refused
    other.exec("rollback")
    other.close()

    expect(isSyncError(error) && [error.code, error.recovery]).toEqual([
      "ERR_SOURCE_FAILED",
      "retry",
    ])
    expect(error.message).toMatch(/was not written: .*locked/)
    expect(await write(source, put("a", "2"))).toBe(2)
  })
})

describe("a sqlite file without room", () => {
  test("a write beyond the bound is refused whole; reads and smaller writes go on", async () => {
    const source = open({ fileBytesMax: 200_000 })
    await write(source, put("a", "1"))
    const error = await write(source, put("b", "2"), put("large", "x".repeat(300_000))).catch(
      (thrown) => thrown,
    )

    expect(isSyncError(error) && error.code).toBe("ERR_SOURCE_FAILED")
    expect(error.message).toMatch(/was not written: .*full/)
    expect(await contentOf(source)).toEqual({ a: "1 at 2" })
    expect(await write(source, put("b", "2"))).toBe(3)
  })

  test("on a full disk every write is refused, until there is room", async ({ skip }) => {
    const disk = join(folder, "disk")
    await mkdir(disk)
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk])
    if (mounted.status !== 0) skip("a small disk can be mounted by root alone")
    const source = open({ path: join(disk, "source.db") })
    try {
      let revision = 1
      const filled = async () => {
        for (;;) revision = await write(source, put(`k${revision}`, "x".repeat(20_000)))
      }
      const error = await filled().catch((thrown) => thrown)

      expect(isSyncError(error) && error.code).toBe("ERR_SOURCE_FAILED")
      expect(error.message).toMatch(/was not written/)
      expect(await source.revision(never)).toBe(revision)
      expect(Object.keys(await contentOf(source)).length).toBe(revision - 1)
      spawnSync("mount", ["-o", "remount,size=4m", disk])
      expect(await write(source, put("more", "1"))).toBe(revision + 1)
    } finally {
      await source.close()
      // The engine may let go of the file later than it says.
      spawnSync("umount", ["-l", disk])
    }
  })
})

describe("a sqlite file that is taken away", () => {
  test("deleted: watches end as replaced, and what is made there is another source", async () => {
    const source = open()
    const before = await source.identity(never)
    await write(source, put("a", "1"))
    const told = eventsOf(source, 2)
    await deleteFile()

    expect((await told).at(-1)).toEqual({ type: "lost", reason: "replaced" })
    const error = await write(source, put("b", "2")).catch((thrown) => thrown)
    expect(error.message).toMatch(/was not written: .* is gone/)
    const after = await eventually(() => source.identity(never))
    expect(after === before).toBe(false)
    expect(await write(source, put("b", "2"))).toBe(2)
    expect(await contentOf(source)).toEqual({ b: "2 at 2" })
  })

  test("replaced: what the other file holds is shown, under its own identity", async () => {
    const other = open({ path: join(folder, "other.db") })
    await write(other, put("other", "1"))
    const identity = await other.identity(never)
    await other.close()
    // The engine may close later than it says: all of it is to stand in the file alone.
    const made = engine.open(join(folder, "other.db"))
    made.exec("pragma wal_checkpoint(truncate)")
    made.close()
    const source = open()
    await source.identity(never)
    await write(source, put("a", "1"))
    const told = eventsOf(source, 2)
    await rename(join(folder, "other.db"), path)

    expect((await told).at(-1)).toEqual({ type: "lost", reason: "replaced" })
    const error = await write(source, put("b", "2")).catch((thrown) => thrown)
    expect(error.message).toMatch(/was not written: another file is at/)
    expect(await source.identity(never)).toBe(identity)
    expect(await contentOf(source)).toEqual({ other: "1 at 2" })
  })

  test("a log that another process has made there meanwhile is left alone", async () => {
    const source = open()
    await write(source, put("a", "1"))
    await deleteFile()
    const other = open()
    await write(other, put("b", "2"))
    await source.identity(never)

    expect(await contentOf(source)).toEqual({ b: "2 at 2" })
    await source.close()
    await other.close()
    expect(await contentOf(open())).toEqual({ b: "2 at 2" })
  })

  test("a hub over it begins a new epoch, and takes writes again", async () => {
    const source = open()
    await write(source, put("a", "1"))
    const hub = new Hub(source, systemClock)
    await until(() => hub.cache.report.status === "in-sync")
    const { epoch } = hub.cache
    await deleteFile()

    await until(() => hub.cache.epoch !== epoch)
    await eventually(() => write(source, put("b", "2")))
    await until(() => hub.cache.current?.snapshot.has("b") === true)
    expect(contentOfCache(hub.cache)).toEqual({ b: "2 at 2" })
    await hub.stop()
  })
})

/** Writes of each process. */
const WRITES = 40

async function writeElsewhere(name: string): Promise<number[]> {
  const deno = ["run", "-A", "--node-modules-dir=manual", "--cached-only", "--no-remote"]
  const args = "Deno" in globalThis ? deno : []
  const script = join(here, "sqlite-writer.mjs")
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [...args, script, path, name, String(WRITES)])
  return JSON.parse(stdout) as number[]
}

async function commitsUntil(source: SqliteSource, revision: number): Promise<number[]> {
  const told: number[] = []
  for await (const event of source.watch(2, never)) {
    if (event.type === "commits") told.push(...event.commits.map((commit) => commit.revision))
    if ((told.at(-1) ?? 0) >= revision) break
  }
  return told
}

/** The events of a watch until it is lost. */
async function eventsOf(source: SqliteSource, from: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = []
  for await (const event of source.watch(from, never)) events.push(event)
  return events
}

async function deleteFile(): Promise<void> {
  for (const end of ["", "-wal", "-shm"]) await rm(`${path}${end}`, { force: true })
}

/** The result of a task, tried until it does not reject. */
async function eventually<T>(task: () => Promise<T>): Promise<T> {
  for (let tried = 0; ; tried++) {
    try {
      return await task()
    } catch (error) {
      if (tried === 100) throw error
    }
    await systemClock.sleep(50, never)
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!holds() && performance.now() < deadline) await systemClock.sleep(5, never)
  expect(holds()).toBe(true)
}
