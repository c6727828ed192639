import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ManualClock } from "@headwater/testing"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { commitsOf } from "../../src/follow.ts"
import { type ConnectOptions, connect, type Replica } from "../../src/index.ts"
import { fileStorage } from "../../src/store/file.ts"
import { type ReplicaStorage, type StoreReport, stored } from "../../src/store.ts"
import {
  del,
  delta,
  entriesOf,
  event,
  hello,
  put,
  ScriptedHub,
  snapshot,
  sync,
  until,
} from "../scripted-hub.ts"

let hub: ScriptedHub
let folder: string
let clock: ManualClock
let replicas: Replica[]
let reports: StoreReport[]

beforeEach(async () => {
  hub = await ScriptedHub.listen()
  folder = await mkdtemp(join(tmpdir(), "headwater-store-"))
  clock = new ManualClock()
  replicas = []
  reports = []
})

afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.close()))
  await hub[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

function follow(storage: ReplicaStorage, options: Partial<ConnectOptions> = {}): Replica {
  const store = stored(storage, { clock, report: (report) => reports.push(report) })
  const replica = connect({ url: hub.url, topic: "t", random: () => 0, store, ...options })
  replicas.push(replica)
  return replica
}

// Leaves the state of a client at e.2 behind, with a → 1 and b → { deep: [1] }.
async function left(path: string): Promise<void> {
  const replica = follow(fileStorage(path))
  const stream = await hub.next()
  const b = ["b", 2, { deep: [1] }] as const
  stream.send(hello(), snapshot(["a", 1], b), sync(2, [["a", 1], b]))
  await replica.ready
  await replica.close()
  reports.length = 0
}

describe("stored()", () => {
  test("begins with the stored state, resumes from there, and proves it", async () => {
    const path = join(folder, "t")
    await left(path)
    const replica = follow(fileStorage(path))
    const commits = commitsOf(replica)
    await replica.ready
    const stream = await hub.next()

    expect(stream.headers["last-event-id"]).toBe("e.2")
    expect([replica.position, replica.status.state]).toEqual([
      { epoch: "e", revision: 2 },
      "connecting",
    ])
    expect(entriesOf(replica)).toEqual([
      ["a", 1],
      ["b", { deep: [1] }],
    ])
    expect((await commits.next()).value?.changes.length).toBe(2)

    stream.send(hello({ resumed: true }), delta(3, del("a", 3)), sync(3, [["b", 2]]))
    await until(replica, () => replica.proven.count === 1)

    expect(replica.proven).toMatchObject({ count: 1, mismatches: 0 })
    expect((await commits.next()).value).toEqual({
      position: { epoch: "e", revision: 3 },
      changes: [{ type: "deleted", previous: { key: "a", value: 1, revision: 1 } }],
    })
    expect(reports).toEqual([{ type: "loaded", entries: 2 }])
  })

  test("a stored state of another epoch is replaced: commits are the differences", async () => {
    const path = join(folder, "t")
    await left(path)
    const replica = follow(fileStorage(path))
    const heard: unknown[] = []
    await replica.ready
    replica.subscribe((_, commit) => commit && heard.push(commit.changes))
    const stream = await hub.next()
    const reset = event("reset", { reason: "epoch-changed", epoch: "f" }, "f.0")
    stream.send(hello({ epoch: "f" }), reset, snapshot(["a", 9, 1]), sync(9, [["a", 9]], "f"))
    await until(replica, () => replica.position?.epoch === "f")

    expect(entriesOf(replica)).toEqual([["a", 1]])
    expect(heard).toMatchObject([[{ type: "deleted", previous: { key: "b" } }]])
  })

  test("keeps text and bytes as they are", async () => {
    const path = join(folder, "t")
    for (const [values, wire, value] of [
      ["text", "é\n", "é\n"],
      ["binary", "AP+A", Uint8Array.of(0, 255, 128)],
    ] as const) {
      const first = follow(fileStorage(path + values))
      ;(await hub.next()).send(hello({ values }), snapshot(["a", 1, wire]), sync(1, [["a", 1]]))
      await first.ready
      await first.close()
      const again = follow(fileStorage(path + values))
      await again.ready

      expect(again.get("a")).toEqual(value)
      await hub.next()
      await again.close()
    }
  })

  test("saves at most once in ten seconds, and once more when it is closed", async () => {
    const saved: number[] = []
    const storage: ReplicaStorage = {
      load: async () => undefined,
      save: async (bytes) => void saved.push(bytes.length),
    }
    const replica = follow(storage)
    const stream = await hub.next()
    stream.send(hello(), snapshot(), sync(1, []))
    await replica.ready
    for (let revision = 2; revision < 50; revision++)
      stream.send(delta(revision, put("a", revision)))
    await until(replica, () => replica.position?.revision === 49)
    await clock.advance(9_999)
    const before = saved.length
    await clock.advance(1)
    const after = saved.length
    await clock.advance(60_000)
    stream.send(delta(50, put("a", 50)))
    await until(replica, () => replica.position?.revision === 50)

    expect([before, after, saved.length]).toEqual([0, 1, 1])
    await replica.close()
    expect([saved.length, clock.timers]).toEqual([2, 0])
  })

  test.each([
    ["cut", (bytes: Buffer) => bytes.subarray(0, bytes.length - 3), "corrupted"],
    ["cut to nothing", (bytes: Buffer) => bytes.subarray(0, 0), "foreign"],
    ["changed in a value", (bytes: Buffer) => bytes.with(bytes.length - 3, 0x58), "corrupted"],
    ["something else", () => Buffer.from("PNG\n\u0000\n\n"), "foreign"],
    ["longer than it was", (bytes: Buffer) => Buffer.concat([bytes, bytes]), "corrupted"],
  ])("what is stored is %s: a report, and a fresh start", async (_, harm, reason) => {
    const path = join(folder, "t")
    await left(path)
    await writeFile(path, harm(await readFile(path)))
    const replica = follow(fileStorage(path))
    const stream = await hub.next()
    stream.send(hello(), snapshot(["c", 7]), sync(7, [["c", 7]]))
    await replica.ready

    expect(stream.headers["last-event-id"]).toBeUndefined()
    expect(entriesOf(replica)).toEqual([["c", 7]])
    expect(reports).toMatchObject([{ type: "refused", reason, error: { code: "ERR_IMAGE" } }])
  })

  test("every byte that is changed or missing is found", async () => {
    const path = join(folder, "t")
    await left(path)
    const whole = await readFile(path)
    const load = async (bytes: Uint8Array) => {
      const replica = follow({ load: async () => bytes, save: async () => {} })
      await until(replica, () => replica.status.state !== "idle")
      await replica.close()
    }
    for (let at = 0; at < whole.length; at++) {
      await load(whole.with(at, whole[at]! ^ 1))
      await load(whole.subarray(0, at))
    }

    expect(reports.length).toBe(whole.length * 2)
    expect(new Set(reports.map(({ type }) => type))).toEqual(new Set(["refused"]))
  })

  test("of another topic or filter is foreign", async () => {
    const path = join(folder, "t")
    await left(path)
    const replica = follow(fileStorage(path), { prefix: "a" })
    await hub.next()
    await replica.close()

    expect(reports).toMatchObject([{ type: "refused", reason: "foreign" }])
  })

  test("a storage that fails is reported, and nothing else", async () => {
    const failure = new Error("no disk")
    const fail = () => Promise.reject(failure)
    const replica = follow({ load: fail, save: fail })
    ;(await hub.next()).send(hello(), snapshot(["a", 1]), sync(1, [["a", 1]]))
    await replica.ready
    await replica.close()

    expect(entriesOf(replica)).toEqual([["a", 1]])
    expect(reports).toEqual([
      { type: "failed", during: "load", error: failure },
      { type: "failed", during: "save", error: failure },
    ])
  })
})

describe("fileStorage()", () => {
  test("a save that fails leaves the old state, and nothing beside it", async () => {
    const storage = fileStorage(join(folder, "t"))
    await storage.save(Uint8Array.of(1))

    await expect(fileStorage(join(folder, "no/such/t")).save(Uint8Array.of(2))).rejects.toThrow()
    expect([...(await storage.load())!]).toEqual([1])
    expect(await readdir(folder)).toEqual(["t"])
  })
})
