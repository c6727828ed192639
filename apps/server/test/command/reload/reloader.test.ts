import { mkdtemp, rename, rm, symlink, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { runtime } from "#runtime"
import { readConfig } from "../../../src/command/config.ts"
import { openTopic, openTopics } from "../../../src/command/open-topics.ts"
import { limitsPart } from "../../../src/command/reload/limits-part.ts"
import { logLevelPart } from "../../../src/command/reload/log-level-part.ts"
import type { ReloadPart } from "../../../src/command/reload/reload-part.ts"
import { Reloader } from "../../../src/command/reload/reloader.ts"
import { topicsPart } from "../../../src/command/reload/topics-part.ts"
import { readSettings } from "../../../src/command/settings/read-settings.ts"
import { createHub, type Hub } from "../../../src/hub.ts"
import { LogWriter } from "../../../src/log-writer.ts"

let folder: string
let path: string
let hub: Hub | undefined
let stop: (() => Promise<void>) | undefined
let lines: string[] = []
let hangup = () => {}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "headwater-reload-"))
  path = join(folder, "hub.yaml")
})

afterEach(async () => {
  await stop?.()
  await hub?.close(0)
  stop = undefined
  hub = undefined
  await rm(folder, { recursive: true })
})

/** A hub that takes the settings of a file, as `serve` puts it together. */
async function begin(text: string, ...parts: ReloadPart[]) {
  await writeFile(path, text)
  const read = () => readSettings(runtime, { config: [path] })
  const settings = await read()
  const config = readConfig(settings.values)
  lines = []
  const writer = new LogWriter({ format: "text", level: "info", write: (line) => lines.push(line) })
  const { log } = writer
  hub = createHub({ topics: await openTopics(runtime, config, log), limits: config.limits, log })
  const { bugs } = hub
  const report = (what: string, error: unknown) => bugs.report(what, error)
  const reloader = new Reloader(settings, { log, read, report })
  const open = topicsPart(hub, config.topics, (topic, next) => openTopic(runtime, next, topic, log))
  for (const part of [logLevelPart(writer), limitsPart(hub, (asked) => asked), open, ...parts]) {
    reloader.onReload(part)
  }
  const onHangup = (task: () => void) => {
    hangup = task
  }
  stop = reloader.begin({ onHangup })
  return { hub, reloader, writer }
}

const names = () => hub!.topics.map(({ name }) => name)
const said = (pattern: RegExp) =>
  vi.waitFor(() => expect(lines.join("\n")).toMatch(pattern), { timeout: 30_000 })

describe("a reload", () => {
  test("at SIGHUP takes bounds, the log level, and topics; others are not touched", async () => {
    const { hub, writer } = await begin("topic: [a=memory:, b=memory:]")
    const { source } = hub.topic("a")
    await writeFile(path, "topic: [c=memory:, a=memory:]\nstreams: 7\nlog-level: debug\n")

    hangup()
    await said(
      /reloaded \(SIGHUP\): log-level debug; streams 7; topics added: c; topics removed: b/,
    )

    expect(names()).toEqual(["a", "c"])
    expect(hub.topic("a").source).toBe(source)
    expect([hub.limits.streamsMax, writer.level]).toEqual([7, "debug"])
  })

  test("happens when the file is written, replaced, or behind a link that moved", async () => {
    await begin("topic: [a=memory:]")

    await writeFile(path, "topic: [a=memory:]\nstreams: 2")
    await said(/hub.yaml changed\): streams 2/)

    const next = join(folder, "next.yaml")
    await writeFile(next, "topic: [a=memory:]\nstreams: 3")
    await rename(next, path)
    await said(/hub.yaml changed\): streams 3/)

    // As Kubernetes does it: the link stays, and a link on its way is swapped.
    await writeFile(join(folder, "v1"), "topic: [a=memory:]\nstreams: 4")
    await writeFile(join(folder, "v2"), "topic: [a=memory:]\nstreams: 5")
    await symlink("v1", join(folder, "data"))
    await unlink(path)
    await symlink("data", path)
    await said(/hub.yaml changed\): streams 4/)
    await symlink("v2", join(folder, "data-next"))
    await rename(join(folder, "data-next"), join(folder, "data"))
    await said(/hub.yaml changed\): streams 5/)
  })

  test.each([
    ["topic: [a=memory:]\nstrems: 5", /hub.yaml, line 2: no setting is called "strems"; did you/],
    ["topic: [b=memory:]\nstreams: no", /streams in .*hub.yaml, line 2, takes a whole number/],
    ["streams: 9\ntopic: [b=memory:, b=memory:]", /topic "b" is given twice/],
    ["streams: 9\ntopic: [b=memory:, 'c=sqlite:/dev/null/c.db']", /topic "c": /],
    ["listen: 0.0.0.0:1", /needs --allow-anonymous/],
    ["streams: [", /hub.yaml, line 1: /],
    ["\0", /is no text in UTF-8/],
  ])("of the wrong file %j changes nothing, and says why", async (text, why) => {
    const { hub } = await begin("topic: [a=memory:]\nstreams: 3")
    await writeFile(path, text)
    hangup()

    await said(/reload refused, nothing was changed/)
    expect(lines.find((line) => line.includes("refused"))).toMatch(why)
    expect([names(), hub.limits.streamsMax]).toEqual([["a"], 3])

    // The next file is taken.
    await writeFile(path, "topic: [a=memory:]\nstreams: 4")
    hangup()
    await said(/streams 4/)
  })

  test("of a file that is gone changes nothing, and takes the one that comes back", async () => {
    const { hub } = await begin("topic: [a=memory:]\nstreams: 3")
    await unlink(path)
    await said(/refused.*cannot read/)
    expect(hub.limits.streamsMax).toBe(3)

    await writeFile(path, "topic: [a=memory:]\nstreams: 4")
    await said(/hub.yaml changed\): streams 4/)
  })

  test("names what only a restart changes, each time until it is taken back", async () => {
    const { reloader } = await begin("topic: [a=memory:]")
    await writeFile(path, "topic: [a=memory:]\nvalue-size: 5\nlisten: 127.0.0.1:1")
    await reloader.reload("one")
    await reloader.reload("two")
    await writeFile(path, "topic: [a=memory:]")
    await reloader.reload("three")

    const restarts = lines.filter((line) => line.includes("restart the hub"))
    expect(restarts.map((line) => line.replace(/^.*: restart/, "restart"))).toEqual(
      Array(2).fill(
        expect.stringContaining("restart the hub to change listen, value-size: a reload does not"),
      ),
    )
  })

  test("a part that refuses leaves every other part as it was", async () => {
    const refusing: ReloadPart = {
      prepare: async () => {
        throw new Error("tokens.json, line 3: no grant")
      },
    }
    const { hub, reloader } = await begin("topic: [a=memory:]\nstreams: 3", refusing)
    await writeFile(path, "topic: [b=memory:]\nstreams: 4")
    await reloader.reload("a test")

    expect([names(), hub.limits.streamsMax]).toEqual([["a"], 3])
    expect(lines.at(-1)).toMatch(/refused.*tokens.json, line 3: no grant$/)
  })

  test("requests during a reload become one more, and a part's own file is watched", async () => {
    const file = join(folder, "tokens.json")
    await writeFile(file, "1")
    let prepared = 0
    let letGo = () => {}
    const gate = new Promise<void>((resolve) => {
      letGo = resolve
    })
    const part: ReloadPart = {
      files: () => [file],
      prepare: async () => {
        prepared++
        await gate
        return undefined
      },
    }
    const { reloader } = await begin("topic: [a=memory:]", part)
    const all = Promise.all(Array.from({ length: 50 }, () => reloader.reload("many")))
    await vi.waitFor(() => expect(prepared).toBe(1))
    const more = Promise.all(Array.from({ length: 50 }, () => reloader.reload("many")))
    letGo()
    await all
    await more
    expect(prepared).toBe(2)

    // Written again and again, since the first look at the file may come after a write.
    const write = async () => {
      await writeFile(file, String(Math.random()))
      expect(prepared).toBeGreaterThan(2)
    }
    await vi.waitFor(write, { timeout: 30_000, interval: 1_000 })
    await said(/tokens.json changed\): nothing changed/)
  })
})
