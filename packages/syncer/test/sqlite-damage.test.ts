import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { copyFile, mkdtemp, open as openFile, rm, truncate, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { isSyncError, systemClock } from "@headwater/core"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { type SqliteOptions, type SqliteSource, sqliteSource } from "../src/sources/sqlite/index.ts"
import { contentOf, contentOfCache, Hub, never, put, write } from "./harness.ts"

let folder: string
let path: string
let copy: string
let opened: SqliteSource[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-sqlite-"))
  path = join(folder, "source.db")
  copy = join(folder, "copy.db")
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

const failureOf = (task: Promise<unknown>) => task.then(String, (error) => error)

describe("a sqlite file that is damaged while it is open", () => {
  const log = () => `${path}-wal`
  /** As `cp` and an editor do: the same file, other bytes. */
  const overwrite = async (target: string) => {
    const file = await openFile(target, "r+")
    await file.write(new Uint8Array(40_000).fill(7), 0, 40_000, 0)
    await file.close()
  }
  const table: readonly (readonly [how: string, act: () => Promise<void>, said: RegExp])[] = [
    ["truncated to nothing", () => truncate(path, 0), /was truncated to 0 bytes/],
    ["truncated to a page", () => truncate(path, 4_096), /was truncated to 4096 bytes/],
    ["overwritten", () => overwrite(path), /was overwritten/],
    ["without its log", () => rm(log()), /lost its -wal file/],
    ["with a log overwritten", () => overwrite(log()), /had its -wal file overwritten/],
  ]

  test.each(table)("%s: writes are refused, and say why", async (_how, act, said) => {
    const source = open()
    await write(source, put("a", "1"))
    await act()
    const error = await failureOf(write(source, put("b", "2")))

    expect(isSyncError(error) && [error.code, error.recovery]).toEqual([
      "ERR_SOURCE_FAILED",
      "retry",
    ])
    expect(error.message).toMatch(said)
  })

  test("a hub over it is stale, and serves what it has", async () => {
    const source = open()
    await write(source, put("a", "1"))
    const hub = new Hub(source, systemClock)
    await until(() => hub.cache.report.status === "in-sync")
    await truncate(path, 0)
    await until(() => hub.cache.report.status === "stale")

    expect(contentOfCache(hub.cache)).toEqual({ a: "1 at 2" })
    await hub.stop()
  })

  test("emptied, it is not taken for a new one at the next start", async () => {
    const source = open()
    await write(source, put("a", "1"))
    await truncate(path, 0)
    await source.close()

    expect(() => open()).toThrow(/is empty, but .*-wal is not: the file was truncated/)
  })

  test("a file that another process makes smaller by the engine is whole", async () => {
    const source = open()
    for (let turn = 0; turn < 50; turn++) await write(source, put("a", "x".repeat(20_000)))
    await source.compact()
    const shell = sqliteSource({ path, clock: systemClock })
    await shell.close()
    const vacuumed = spawnSync("sqlite3", [path, "vacuum; pragma wal_checkpoint(truncate)"])
    if (vacuumed.status === 0) await write(source, put("b", "2"))

    expect(await failureOf(write(source, put("c", "3")))).toMatch(/^\d+$/)
  })
})

describe("a copy of a sqlite file", () => {
  const warnings: string[] = []
  const openCopy = () => {
    warnings.length = 0
    return open({ path: copy, warn: (line) => warnings.push(line) })
  }

  test("of a file in use, without its log, has an epoch of its own and a warning", async () => {
    const source = open()
    await write(source, put("a", "1"))
    await copyFile(path, copy)
    const copied = openCopy()

    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/copy\.db is a copy of a file that was in use.* revision 1 with 0 /)
    expect(await copied.identity(never)).not.toBe(await source.identity(never))
  })

  test("of a file in use, with its log, has an epoch of its own and all entries", async () => {
    const source = open()
    await write(source, put("a", "1"))
    await copyFile(path, copy)
    await copyFile(`${path}-wal`, `${copy}-wal`)
    const copied = openCopy()

    expect(warnings[0]).toMatch(/revision 2 with 1 entries/)
    expect(await contentOf(copied)).toEqual({ a: "1 at 2" })
    expect(await copied.identity(never)).not.toBe(await source.identity(never))
  })

  test("of a file that was closed is the same source, and needs no log", async () => {
    const source = open()
    await write(source, put("a", "1"))
    const identity = await source.identity(never)
    await source.close()
    await copyFile(path, copy)
    const copied = openCopy()

    expect(warnings).toEqual([])
    expect(await contentOf(copied)).toEqual({ a: "1 at 2" })
    expect(await copied.identity(never)).toBe(identity)
  })

  test("of a file that one of two processes closed still says that it was in use", async () => {
    const source = open()
    const other = open()
    await other.close()
    await write(source, put("a", "1"))
    await copyFile(path, copy)
    await copyFile(`${path}-wal`, `${copy}-wal`)
    openCopy()

    expect(warnings).toHaveLength(1)
  })
})

describe("a path at which there can be no sqlite file", () => {
  const fifo = () => {
    spawnSync("mkfifo", [join(folder, "fifo")])
    return join(folder, "fifo")
  }
  const below = async () => {
    await writeFile(join(folder, "plain"), "text")
    return join(folder, "plain", "x.db")
  }
  const table: readonly (readonly [name: string, path: () => string | Promise<string>])[] = [
    ["a folder that cannot be made", () => "/proc/x/y.db"],
    ["two folders that cannot be made", () => "/proc/x/y/z.db"],
    ["a folder", () => folder],
    ["a device", () => "/dev/null"],
    ["a pipe", fifo],
    ["a file's inside", below],
  ]

  test.each(table)("%s is refused in one line", async (_name, at) => {
    const target = await at()
    if (!existsSync("/proc/self")) return

    expect(() => open({ path: target })).toThrow(/cannot be opened: [^\n]+$/)
  })
})

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(5, never)
}
