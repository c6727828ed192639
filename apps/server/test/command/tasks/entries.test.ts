import { statSync } from "node:fs"
import { memorySource } from "@headwater/syncer/memory"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type ServedHub, serveHub } from "../../support/served-hub.ts"
import { TaskRunner } from "../../support/task-run.ts"

let served: ServedHub
let command: TaskRunner

beforeAll(async () => {
  served = await serveHub({
    topics: [
      { name: "t", source: memorySource() },
      { name: "words", values: "text", source: memorySource() },
      { name: "bytes", values: "binary", source: memorySource() },
    ],
  })
  command = new TaskRunner(served.url)
})

afterAll(async () => {
  command.close()
  await served.close()
})

const run = (line: string, input?: string) => command.run(line.split(" "), input)

describe("put, get, create, update and del", () => {
  test("keep each byte of a JSON value, and refuse a text that is no JSON", async () => {
    const { code, out } = await run("put t n 9007199254740993")
    expect([code, out]).toMatchObject([0, expect.stringMatching(/^[\w-]+\.\d+\n$/)])
    expect(await run("get t n")).toEqual({ code: 0, out: "9007199254740993", said: "" })
    const refused = await run("put t n on")
    expect([refused.code, refused.said]).toEqual([2, expect.stringContaining("give --text")])
    await run("put t n --text on")
    expect((await run("get t n")).out).toBe('"on"')
  })

  test("take a value from the standard input or a file, of any kind", async () => {
    await run("put t piped -", '{"a":1}\n')
    expect((await run("get t piped")).out).toBe('{"a":1}')
    await run("put words w -", " two\nlines\n")
    expect((await run("get words w")).out).toBe(" two\nlines\n")
    await run("put bytes b hello")
    expect(JSON.parse((await run("get bytes b --json")).out)).toMatchObject({
      topic: "bytes",
      key: "b",
      values: "binary",
      value: "aGVsbG8=",
    })
    expect((await run("put t x @/no/such/file")).said).toMatch(
      /^headwater: the file \/no\/such\/file cannot be read: ENOENT/,
    )
  })

  test("answer no by exit code 1", async () => {
    expect((await run("create t once 1")).code).toBe(0)
    expect((await run("create t once 2")).code).toBe(1)
    expect((await run("update t never 1")).code).toBe(1)
    expect((await run("update t once 3 --if-revision 1")).code).toBe(1)
    expect((await run("update t once 4")).code).toBe(0)
    expect((await run("del t once --if-revision 1")).code).toBe(1)
    expect((await run("del t once")).code).toBe(0)
    expect((await run("del t once")).code).toBe(1)
    expect(await run("get t once")).toEqual({
      code: 1,
      out: "",
      said: 'headwater: there is no entry "once" in topic t (ERR_KEY_ABSENT)\n',
    })
  })

  test("say what is wrong with a hub, a topic, an option or a word", async () => {
    const said = async (line: string) => {
      const { code, said } = await run(line)
      return `${code} ${said}`
    }
    expect(await said("get nope k")).toMatch(/^2 .*no topic "nope".*headwater topics/)
    expect(await said("ls t --url http://127.0.0.1:9")).toMatch(/^2 .*cannot be reached/)
    expect(await said("ls t --limit many")).toMatch(/^2 .*--limit takes a whole number from 1 up/)
    expect(await said("gett t k")).toMatch(/^2 .*did you mean get\?/)
    expect(await said("put a/b k 1")).toMatch(/^2 .*is no topic/)
    expect(await said("follow t --since yesterday")).toMatch(/^2 .*--since takes a position/)
  })
})

describe("ls and topics", () => {
  test("list keys, sorted, by prefix", async () => {
    for (const key of ["ls/b", "ls/a", "other"]) await run(`put t ${key} {"n":1}`)
    expect((await run("ls t ls/")).out).toBe("ls/a\nls/b\n")
    expect((await run("ls t ls/ --limit 1 --json")).out).toMatch(
      /^\{"key":"ls\/a","value":\{"n":1\},"revision":\d+\}\n$/,
    )
    const keys = "follow --key ls/a --key ls/b t --until-sync --json"
    expect((await run(keys)).out.match(/ls\/[ab]/g)).toEqual(["ls/a", "ls/b"])
    expect((await run("ls t ls/ -l")).out).toMatch(/ 7 B {2}ls\/a {2}\{"n":1\}\n/)
  })

  test("list topics as a table or as JSON", async () => {
    const { out } = await run("topics")
    expect(out.split("\n").map((line) => line.split(" ")[0])).toEqual([
      "TOPIC",
      "bytes",
      "t",
      "words",
      "",
    ])
    const [first] = (await run("topics --json")).out.split("\n")
    expect(JSON.parse(first!)).toMatchObject({ topic: "bytes", values: "binary" })
  })

  test("keep the table of a terminal up to date until they are interrupted", async () => {
    const live = await command.start(["topics"], "", true)
    await live.has("\u001b[4A\u001b[J")
    live.interrupt()
    expect(await live.ended).toBe(130)
  })
})

describe("context", () => {
  test("names hubs, chooses one, and sends each its own token", async () => {
    const { env } = command
    command.env = { XDG_CONFIG_HOME: command.folder }
    try {
      expect((await run(`context add one --url ${served.url}/`)).said).toContain("and in use")
      expect(statSync(command.file("headwater/contexts.json")).mode & 0o777).toBe(0o600)
      await run("context add far --url https://hub.example --token-file /no/such/token")
      expect((await run("ls t other")).out).toBe("other\n")
      expect((await run("get one:t other")).code).toBe(0)
      expect((await run("ls far:t")).said).toMatch(/token file \/no\/such\/token cannot be read/)
      await run("context use far")
      expect((await run("context ls")).out).toMatch(/\* {2}far .*\n {3}one /)
      expect((await run("context rm far")).code).toBe(0)
      expect((await run("ls far:t")).said).toMatch(/no context "far" \(known: one\)/)
    } finally {
      command.env = env
    }
  })
})
