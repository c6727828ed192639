/**
 * Memory under churn: what a process grows by when the same entries are overwritten all the time.
 *
 * Question: how many bytes of resident memory does an entry take in a hub, with its source's
 *           history, after each was overwritten ten times?
 * Unit:     bytes for each entry: growth of the resident set over the empty process, garbage
 *           collected before both looks. What was never given back counts: arrays that died, and
 *           room that the heap took.
 * Control:  `map`, a native `Map` of values as bytes, overwritten as often: no source, no history,
 *           and no second copy for readers.
 * Subjects: the source in memory alone; and a hub, which is the source, a syncer and a cache, in
 *           memory and over a sqlite file.
 *
 * The bounds of the history are the defaults: 10,000 commits or 16 MiB in memory, and in the file.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { SnapshotCache } from "@headwater/cache"
import { type Source, systemClock } from "@headwater/core"
import { Syncer } from "@headwater/syncer"
import { memorySource } from "@headwater/syncer/memory"
import { Entries, KEY_BYTES, VALUE_BYTES } from "../entries.ts"
import { collectGarbage } from "../garbage.ts"
import type { Scenario } from "../scenario.ts"
import { type Measurement, measured, type Task } from "../task.ts"
import { expectAnswer } from "../wrong-answer.ts"

export const memoryChurn: Scenario = {
  name: "memory-churn",
  question:
    "How many bytes of resident memory does an entry take that is overwritten all the time?",
  control: "map",
  subjects: ["headwater", "map", "source in memory", "hub on sqlite"],
  sizes: { full: [20_000, 100_000], smoke: [500] },
  rounds: { full: 3, smoke: 1 },

  async visit(task: Task): Promise<readonly Measurement[]> {
    const folder = mkdtempSync(join(tmpdir(), "headwater-churn-"))
    try {
      return [await measureChurn(task, folder)]
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}

const OVERWRITES = 10
/** Writes that are out at one time, as in a busy hub. */
const WRITES_OUT = 64

/** A thing that is overwritten. */
interface Subject {
  write(key: string, value: Uint8Array): unknown
  /** Resolves with the bytes of keys and values, once everything written is held. */
  settle(): Promise<number>
  close(): Promise<void>
}

async function measureChurn({ subject, size, seed }: Task, folder: string): Promise<Measurement> {
  const entries = new Entries(seed)
  const before = await residentBytes()
  const subjectUnder = await open(subject, folder)
  for (let round = 0; round <= OVERWRITES; round++) {
    for (let index = 0; index < size; ) {
      const out: unknown[] = []
      for (const end = Math.min(size, index + WRITES_OUT); index < end; index++) {
        // Another value each time: what is written again with the same bytes is a touch.
        out.push(subjectUnder.write(entries.keyAt(index), entries.valueAt(index + round * size)))
      }
      await Promise.all(out)
      await systemClock.yield()
    }
  }
  const held = await subjectUnder.settle()
  const after = await residentBytes()
  expectAnswer("bytes held", held, size * (KEY_BYTES + VALUE_BYTES))
  await subjectUnder.close()
  return measured("entries overwritten ten times", "bytes per entry", (after - before) / size)
}

async function open(subject: string, folder: string): Promise<Subject> {
  if (subject === "map") return mapSubject()
  if (subject === "source in memory") return sourceSubject(memorySource())
  if (subject === "headwater") return hubSubject(memorySource())
  const { sqliteSource } = await import("@headwater/syncer/sqlite")
  return hubSubject(sqliteSource({ path: join(folder, "churn.db"), clock: systemClock }))
}

function mapSubject(): Subject {
  const map = new Map<string, Uint8Array>()
  return {
    write: (key, value) => map.set(key, value),
    settle: async () => bytesOf(map),
    close: async () => map.clear(),
  }
}

function sourceSubject(source: Source): Subject {
  const { signal } = new AbortController()
  return {
    write: (key, value) => {
      return source.write!({ conditions: [], changes: [{ op: "put", key, value }] }, signal)
    },
    async settle() {
      let bytes = 0
      for await (const { entries } of source.list({}, signal)) {
        bytes += bytesOf(entries.map(({ key, value }) => [key, value]))
      }
      return bytes
    },
    close: () => source.close(),
  }
}

function hubSubject(source: Source): Subject {
  const stop = new AbortController()
  const own = { clock: systemClock, random: Math.random, epochSalt: "churn" }
  const cache = new SnapshotCache({ clock: systemClock })
  const running = new Syncer({ source, cache, ...own }).run(stop.signal)
  return {
    write: sourceSubject(source).write,
    async settle() {
      const present = await source.revision(stop.signal)
      while (cache.position?.revision !== present) await cache.changes.wait(stop.signal)
      let bytes = 0
      for (const { key, value } of cache.current!.snapshot.entries()) {
        bytes += key.length + value.byteLength
      }
      return bytes
    },
    async close() {
      stop.abort()
      await running
      await cache.close()
      await source.close()
    },
  }
}

function bytesOf(entries: Iterable<readonly [string, Uint8Array]>): number {
  let bytes = 0
  for (const [key, value] of entries) bytes += key.length + value.byteLength
  return bytes
}

/** Resident bytes when nothing is left to collect. */
async function residentBytes(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return process.memoryUsage().rss
}
