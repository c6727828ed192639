/**
 * Sync: from a source to a copy of it.
 *
 * Question: how long does it take from nothing to a whole copy that follows, how long does a change
 *           take from the source to the copy, and what does it cost?
 * Unit:     ms from the start to in sync; ms from the write's first byte to the change being held,
 *           on the clock of the process that does both; µs of CPU for a change that another process
 *           wrote, in commits of fifty.
 * Control:  `bare`, a range read in pages and a watch into a `Map`: what any client of etcd needs.
 * Peers:    `headwater on sqlite`, the same syncer over a file; it has no control.
 *
 * A real etcd, of one member, fresh for each visit.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock } from "@headwater/core"
import type { Etcd } from "@headwater/testing/etcd"
import { answerUsage, say } from "../channel.ts"
import { Entries } from "../entries.ts"
import { type Follower, untilHeld } from "../followers/follower.ts"
import type { Scenario } from "../scenario.ts"
import type { SubjectProcess } from "../subject-process.ts"
import { type Measurement, measured, type SizeName, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const sync: Scenario = {
  name: "sync",
  question: "How long does a copy of a source take, and a change to come to it?",
  control: "bare",
  subjects: ["headwater", "bare", "headwater on sqlite"],
  sizes: { full: [100_000], smoke: [500] },
  rounds: { full: 3, smoke: 1 },

  missing: () =>
    spawnSync("etcd", ["--version"]).status === 0 ? undefined : "there is no etcd on the path",

  async visit(task: Task): Promise<readonly Measurement[]> {
    let follower: Follower | undefined
    const obey = async (order: string): Promise<Measurement[]> => {
      const [name, ...rest] = order.split(" ")
      if (name === "start") {
        follower = await followerOf(task, rest[0] ?? "")
        return await start(follower, task)
      }
      if (follower === undefined) throw new Error("it has not started")
      if (name === "probe") return await probe(follower, task)
      await untilHeld(follower, rest[0] ?? "", rest.slice(1).join(" "))
      return []
    }
    answerUsage(undefined, (order) => {
      obey(order).then(
        (measurements) => say({ type: "found", measurements }),
        (error) => say({ type: "failed", reason: String(error) }),
      )
    })
    return []
  },

  async drive(task: Task, server: SubjectProcess): Promise<readonly Measurement[]> {
    if (task.subject === "headwater on sqlite") return await driveSqlite(server)
    const { startEtcd } = await import("@headwater/testing/etcd")
    const etcd = await startEtcd()
    try {
      await fill(etcd, task)
      const started = await server.order(`start ${etcd.url}`)
      const probed = await server.order("probe")
      return [...started, ...probed, await cpuPerChange(task, server, etcd)]
    } finally {
      await etcd.dispose()
    }
  },
}

const PREFIX = "/bench/"
const PROBES: Readonly<Record<SizeName, number>> = { full: 200, smoke: 5 }
const CHANGES: Readonly<Record<SizeName, number>> = { full: 20_000, smoke: 200 }

/** Keys written in one commit; etcd takes 128. */
const LOAD_BATCH = 100
const CHANGE_BATCH = 50
const WRITERS = 4

async function followerOf(task: Task, at: string): Promise<Follower> {
  if (task.subject === "bare") {
    return (await import("../followers/bare-etcd.ts")).bareEtcdFollower(at, PREFIX)
  }
  const { headwaterFollower } = await import("../followers/headwater.ts")
  if (task.subject === "headwater") {
    const { etcdSource } = await import("@headwater/syncer/etcd")
    const { putToEtcd } = await import("../followers/bare-etcd.ts")
    // From the present on, as the bare follower: what a start costs that lets no reader be reset is
    // as long as the history that etcd still has.
    const options = { endpoints: [at], prefix: PREFIX, clock: systemClock, historyRevisionsMax: 0 }
    const source = etcdSource(options)
    return headwaterFollower(source, (key, value) => putToEtcd(at, PREFIX + key, value))
  }
  const { sqliteSource } = await import("@headwater/syncer/sqlite")
  const options = { path: join(at, "bench.db"), clock: systemClock }
  const source = sqliteSource(options)
  const write = async (...entries: readonly (readonly [string, string])[]) => {
    const utf8 = new TextEncoder()
    const changes = entries.map(
      ([key, value]) => ({ op: "put", key, value: utf8.encode(value) }) as const,
    )
    await source.write({ conditions: [], changes }, new AbortController().signal)
  }
  for (const batch of batchesOf(task, LOAD_BATCH)) await write(...batch)
  return headwaterFollower(source, (key, value) => write([key, value]))
}

async function start(follower: Follower, task: Task): Promise<Measurement[]> {
  const began = performance.now()
  await follower.start()
  const tookMs = performance.now() - began
  const entries = new Entries(task.seed)
  expectAnswer("entries held", follower.size(), task.size)
  for (let index = 0; index < task.size; index++) {
    const key = entries.keyAt(index)
    expectAnswer(`the value of ${key}`, follower.get(key), entries.valueTextAt(index))
  }
  return [measured("start to in sync", "ms", tookMs)]
}

async function probe(follower: Follower, task: Task): Promise<Measurement[]> {
  const entries = new Entries(task.seed)
  const samples: number[] = []
  for (let round = 1; round <= PROBES[task.sizeName]; round++) {
    const index = round % task.size
    const [key, value] = [entries.keyAt(index), entries.valueTextAt(index, round)]
    const began = performance.now()
    const held = untilHeld(follower, key, value).then(() => performance.now())
    await follower.put(key, value)
    samples.push((await held) - began)
  }
  return [measured("write to held", "ms", ...samples)]
}

async function driveSqlite(server: SubjectProcess): Promise<readonly Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "headwater-bench-"))
  try {
    const started = await server.order(`start ${folder}`)
    return [...started, ...(await server.order("probe"))]
  } finally {
    await server.end()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function fill(etcd: Etcd, task: Task): Promise<void> {
  const batches = batchesOf(task, LOAD_BATCH)
  const work = async () => {
    for (const batch of batches) await commit(etcd, batch)
  }
  await Promise.all(Array.from({ length: WRITERS }, work))
}

/** Entries as they are in the beginning, some at a time. */
function* batchesOf({ size, seed }: Task, length: number): Generator<[string, string][], void> {
  const entries = new Entries(seed)
  for (let from = 0; from < size; from += length) {
    const indexes = Array.from({ length: Math.min(length, size - from) }, (_, at) => from + at)
    yield indexes.map((index) => [entries.keyAt(index), entries.valueTextAt(index)])
  }
}

async function cpuPerChange(task: Task, server: SubjectProcess, etcd: Etcd): Promise<Measurement> {
  const { seed, size, sizeName } = task
  const entries = new Entries(seed)
  const before = await server.usage()
  let last: readonly [string, string] = ["", ""]
  for (let number = 0; number < CHANGES[sizeName]; number += CHANGE_BATCH) {
    const batch = Array.from({ length: CHANGE_BATCH }, (_, at): [string, string] => {
      const index = (number + at) % size
      return [entries.keyAt(index), entries.valueTextAt(index, FIRST + number)]
    })
    await commit(etcd, batch)
    last = batch.at(-1) ?? last
  }
  await server.order(`await ${last[0]} ${last[1]}`)
  const after = await server.usage()
  return measured("CPU per change", "µs", (after.cpuUs - before.cpuUs) / CHANGES[sizeName])
}

/** The rounds of these changes are above those of the probes. */
const FIRST = 1_000

async function commit(
  etcd: Etcd,
  batch: readonly (readonly [key: string, value: string])[],
): Promise<void> {
  const base64 = (text: string) => Buffer.from(text).toString("base64")
  const success = batch.map(([key, value]) => ({
    request_put: { key: base64(PREFIX + key), value: base64(value) },
  }))
  await etcd.call("/v3/kv/txn", { success })
}
