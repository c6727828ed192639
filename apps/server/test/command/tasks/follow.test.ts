import { readFileSync } from "node:fs"
import { systemClock } from "@headwater/core"
import { memorySource } from "@headwater/syncer/memory"
import { sqliteSource } from "@headwater/syncer/sqlite"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type ServedHub, serveHub } from "../../support/served-hub.ts"
import { TaskRunner } from "../../support/task-run.ts"

let served: ServedHub
let command: TaskRunner

beforeAll(async () => {
  served = await serveHub({ topics: [{ name: "t", source: memorySource() }] })
  command = new TaskRunner(served.url)
})

afterAll(async () => {
  command.close()
  await served.close()
})

const run = (...args: string[]) => command.run(args)
const start = (...args: string[]) => command.start(args)

describe("follow", () => {
  test("prints the state, then each change, as lines or as JSON", async () => {
    await run("put", "t", "a", "1")
    const lines = await start("follow", "t")
    const json = await start("follow", "t", "--json", "--prefix", "b")
    await lines.has("put a 1\n")
    await run("put", "t", "b", '{"n":9007199254740993}')
    await run("del", "t", "a")
    await lines.has("delete a\n")
    await json.has("\n")
    for (const follower of [lines, json]) follower.interrupt()

    expect(await lines.ended).toBe(130)
    expect(lines.out.replace(/^\d+ /gm, "")).toBe(
      'put a 1\nput b {"n":9007199254740993}\ndelete a\n',
    )
    expect(json.out).toMatch(
      /^\{"op":"put","key":"b","value":\{"n":9007199254740993\},"revision":\d+,"position":"\S+"\}/,
    )
  })

  test("goes on from a position, and ends once it is in sync", async () => {
    const position = (await run("put", "t", "c", "1")).out.trim()
    await run("put", "t", "c", "2")
    await run("del", "t", "b")
    const { code, out } = await run("follow", "t", "--since", position, "--until-sync")
    expect([code, out.replace(/^\d+ /gm, "")]).toEqual([0, "put c 2\ndelete b\n"])
    const past = await run("follow", "t", "--since", "other.7", "--until-sync")
    expect(past.said).toContain("the hub cannot resume (epoch-changed)")
    expect(past.out).toContain("put c 2")
  })

  test("says that it lost and regained the link, and misses nothing", async () => {
    const path = command.file("follow.db")
    const serve = (port: number) => {
      const topics = [{ name: "t", source: sqliteSource({ path, clock: systemClock }) }]
      return serveHub({ topics }, {}, { port })
    }
    let hub = await serve(0)
    const port = Number(new URL(hub.url).port)
    try {
      const follower = await start("follow", "t", "--url", hub.url)
      const write = (value: string) => run("put", "t", "d", value, "--url", hub.url)
      await write("1")
      await follower.has("put d 1")
      await hub.close()
      await follower.has("lost the link")
      hub = await serve(port)
      await write("2")
      await follower.has("put d 2")
      follower.interrupt()
      await follower.ended
      expect(follower.said).toMatch(/regained the link at \S+; no change was missed\n$/)
      expect(follower.out.replace(/^\d+ /gm, "")).toBe("put d 1\nput d 2\n")
    } finally {
      await hub.close()
    }
  })

  test("runs a command for each commit, with the changes, and says that it failed", async () => {
    const file = command.file("seen")
    const shell = `cat >> ${file}; echo "$HEADWATER_OP $HEADWATER_KEY" >> ${file}; exit 3`
    const { code, said } = await run("follow", "t", "--key", "c", "--until-sync", "--exec", shell)
    expect([code, said]).toEqual([1, expect.stringMatching(/failed with exit code 3\n$/)])
    const [event, variables] = readFileSync(file, "utf8").split("\n")
    expect(JSON.parse(event!)).toMatchObject({ topic: "t", changes: [{ op: "put", key: "c" }] })
    expect(variables).toBe("put c")
  })

  test("ends by --timeout with 124, and at once for a topic that is not there", async () => {
    expect((await run("follow", "t", "--timeout", "1ms")).code).toBe(124)
    expect(await run("follow", "nope")).toMatchObject({
      code: 2,
      said: expect.stringContaining("ERR_TOPIC_UNKNOWN"),
    })
  })
})
