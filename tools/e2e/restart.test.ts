import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { prng } from "@headwater/testing"
import { freePort } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess, pause, type RuntimeName } from "./hub-process.ts"

// What a file promises: a hub is killed at random moments while it is written to, started again on
// the same file, and then every write that was answered is there, no revision was given twice, and
// the reader goes on from its id without a reset.

const FULL = process.env["HEADWATER_FULL"] === "1"
const WRITERS = 8
const KEYS = 50
const seed = Number(process.env["HEADWATER_SEED"] ?? Math.trunc(Math.random() * 2 ** 31))
const random = prng(seed)
const ROUNDS: readonly (readonly [RuntimeName, number])[] = FULL
  ? [
      ["node", 200],
      ["node24", 50],
      ["bun", 50],
      ["deno", 50],
    ]
  : [
      ["node", 4],
      ["node24", 2],
      ["bun", 2],
      ["deno", 2],
    ]

describe.each(ROUNDS)("a hub on %s, killed %i times", (runtime, rounds) => {
  let folder: string
  let hub: HubProcess | undefined

  beforeAll(async () => {
    console.log(`restart: HEADWATER_SEED=${seed}`)
    folder = await mkdtemp(join(tmpdir(), "headwater-restart-"))
  })

  afterAll(async () => {
    await hub?.stop("SIGKILL")
    await rm(folder, { recursive: true })
  })

  test("keeps every answered write, every revision and every reader's place", {
    timeout: rounds * 10_000,
  }, async () => {
    const port = await freePort()
    const args = ["--topic", `t=sqlite:${join(folder, "t.db")}`]
    const written = new Written()
    const reader = new Reader(`http://127.0.0.1:${port}/v1/topics/t/stream`)
    const epochs = new Set<string>()
    for (let round = 0; round <= rounds; round++) {
      hub = await HubProcess.start(runtime, port, args)
      const following = reader.follow()
      await reader.caughtUp(written.revisionMax)
      await inSync(hub.url)
      const { epoch, entries } = await listOf(hub.url)
      epochs.add(epoch)
      expect(written.missingIn(entries), `round ${round}, seed ${seed}`).toEqual([])
      if (round === rounds) {
        await hub.stop()
      } else {
        const writers = Array.from({ length: WRITERS }, (_, index) => written.write(hub!, index))
        await pause(20 + random() * 400)
        await hub.stop("SIGKILL")
        await Promise.all(writers)
      }
      await following
    }

    expect(written.revisionsTwice).toEqual([])
    expect(written.revisionMax).toBeGreaterThan(rounds)
    expect(reader.resets).toEqual([])
    expect(epochs.size).toBe(1)
  })

  test("says a damaged file in one line, and exits with 2", async () => {
    const path = join(folder, "damaged.db")
    await writeFile(path, "no database ".repeat(1_000))
    const started = HubProcess.start(runtime, await freePort(), ["--topic", `t=sqlite:${path}`])

    await expect(started).rejects.toThrow(
      `\nheadwater: topic "t": ${path} is damaged, or no sqlite database`,
    )
  })
})

interface ListedEntry {
  readonly key: string
  readonly value: number
  readonly revision: number
}

async function listOf(url: string): Promise<{ epoch: string; entries: ListedEntry[] }> {
  return (await fetch(`${url}/v1/topics/t/entries`)).json()
}

/** A hub that begins shows the past again, until it is ready. */
async function inSync(url: string): Promise<void> {
  const deadline = performance.now() + 120_000
  while (!(await fetch(`${url}/readyz`)).ok) {
    if (performance.now() > deadline) throw new Error(`${url} is not in sync`)
    await pause(5)
  }
}

/** The answered writes, by key: each key is written by one writer, with rising numbers. */
class Written {
  readonly #answered = new Map<string, { value: number; revision: number }>()
  readonly #revisions = new Set<number>()
  readonly revisionsTwice: number[] = []
  revisionMax = 0
  #value = 0

  /** Writes until the hub is gone. */
  async write(hub: HubProcess, writer: number): Promise<void> {
    for (;;) {
      const key = `${writer}/${Math.trunc(random() * KEYS)}`
      this.#value += 1
      const value = this.#value
      try {
        const response = await fetch(`${hub.url}/v1/topics/t/entries/${key}`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: String(value),
        })
        const { revision } = (await response.json()) as { revision: number }
        if (this.#revisions.has(revision)) this.revisionsTwice.push(revision)
        this.#revisions.add(revision)
        this.revisionMax = Math.max(this.revisionMax, revision)
        this.#answered.set(key, { value, revision })
      } catch {
        return
      }
    }
  }

  /** Answered writes that are not there, and were not replaced by a later one of their writer. */
  missingIn(entries: readonly ListedEntry[]): string[] {
    const present = new Map(entries.map((entry) => [entry.key, entry]))
    return [...this.#answered].flatMap(([key, { value, revision }]) => {
      const found = present.get(key)
      const isThere =
        found !== undefined &&
        (found.revision === revision
          ? found.value === value
          : found.revision > revision && found.value > value)
      return isThere ? [] : [`${key}=${value}@${revision}: ${JSON.stringify(found)}`]
    })
  }
}

/** Follows a stream over the lives of a hub, by its last id. */
class Reader {
  readonly resets: string[] = []
  readonly #url: string
  #lastId = ""

  constructor(url: string) {
    this.#url = url
  }

  async follow(): Promise<void> {
    const from = this.#lastId
    const headers: Record<string, string> = from === "" ? {} : { "last-event-id": from }
    let rest = ""
    try {
      const { body } = await fetch(this.#url, { headers })
      for await (const text of body!.pipeThrough(new TextDecoderStream())) {
        const frames = (rest + text).split("\n\n")
        rest = frames.pop() ?? ""
        for (const frame of frames) this.#hear(frame, from)
      }
    } catch {
      // The hub is gone.
    }
  }

  async caughtUp(revision: number): Promise<void> {
    const deadline = performance.now() + 120_000
    while (Number(this.#lastId.split(".")[1] ?? -1) < revision) {
      if (performance.now() > deadline) throw new Error(`at ${this.#lastId}, not ${revision}`)
      await pause(5)
    }
  }

  #hear(frame: string, from: string): void {
    if (/^event: ?reset$/m.test(frame)) this.resets.push(`${from}: ${frame}`)
    this.#lastId = /^id: ?(.+)$/m.exec(frame)?.[1] ?? this.#lastId
  }
}
