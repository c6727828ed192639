import { readFileSync, writeFileSync } from "node:fs"
import { gunzipSync, gzipSync } from "node:zlib"
import { hubSource } from "@headwater/client/source"
import { systemClock } from "@headwater/core"
import { memorySource } from "@headwater/syncer/memory"
import { sqliteSource } from "@headwater/syncer/sqlite"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type ServedHub, serveHub } from "../../support/served-hub.ts"
import { TaskRunner } from "../../support/task-run.ts"

let served: ServedHub
let second: ServedHub
let command: TaskRunner

beforeAll(async () => {
  const names = ["a", "b", "empty", "copy", "cut"]
  served = await serveHub({
    topics: [
      ...names.map((name) => ({ name, source: memorySource() })),
      { name: "bytes", values: "binary" as const, source: memorySource() },
    ],
  })
  second = await serveHub({
    topics: [{ name: "a", source: hubSource({ url: served.url, topic: "a" }) }],
  })
  command = new TaskRunner(served.url)
})

afterAll(async () => {
  command.close()
  await second.close()
  await served.close()
})

const run = (line: string, input?: string, isTerminal?: boolean) =>
  command.run(line.split(" "), input, isTerminal)

const lines = (count: number) =>
  Array.from({ length: count }, (_, n) => `{"key":"k/${n}","value":{"n":${n}}}\n`).join("")

describe("import and export", () => {
  test("import a file in batches, and write nothing twice", async () => {
    const file = command.file("in.ndjson.gz")
    writeFileSync(file, gzipSync(lines(300)))
    const dry = await run(`import a ${file} --dry-run`)
    expect([dry.code, dry.out.split("\n")[0]]).toEqual([1, '+ k/0 {"n":0}'])
    const { code, said } = await run(`import a ${file}`)
    expect([code, said]).toMatchObject([
      0,
      expect.stringMatching(/^headwater: read 300 entries in .*: 300 changed; a is at \S+\.4\n$/),
    ])
    expect((await run(`import a ${file}`)).said).toMatch(/: 0 changed\n$/)
    expect((await run(`import a ${file} --dry-run`)).code).toBe(0)
  })

  test("export what import takes, at one position, with the hub's digest", async () => {
    const file = command.file("out.ndjson")
    expect((await run(`export a ${file}.gz`)).said).toMatch(/exported 300 entries of a at \S+\.4/)
    expect((await run(`export a ${file}`)).code).toBe(0)
    const text = readFileSync(file, "utf8")
    expect(gunzipSync(readFileSync(`${file}.gz`)).toString()).toBe(text)
    expect((await run("export a")).out).toBe(text)
    await run("put bytes x -", "\u0000é")
    const { out } = await run("export bytes")
    await run("del bytes x")
    expect((await run("import bytes -", out)).code).toBe(0)
    expect((await run("get bytes x")).out).toBe("\u0000é")
    expect((await run(`import bytes ${file}`)).said).toMatch(
      /has json values, and the topic binary/,
    )
  })

  test("--delete deletes the entries that a file lacks; progress is for terminals", async () => {
    await run("import b -", lines(3))
    const { out } = await run("import b - --delete --dry-run", lines(2))
    expect(out).toBe('- k/2 {"n":2}\n')
    const { said } = await run("import b - --delete", lines(2), true)
    expect(said).toMatch(/imported [12] entries/)
    expect((await run("ls b")).out).toBe("k/0\nk/1\n")
  })

  test("name the line of a file that is wrong, and refuse an export that was cut off", async () => {
    const said = async (text: string) => {
      const { code, said } = await run("import cut -", text)
      return `${code} ${said}`
    }
    expect(await said('{"key":"a","value":1}\nnonsense')).toMatch(/^2 .*, line 2: this is not JSON/)
    expect(await said('{"key":"a"}')).toMatch(/line 1: the entry "a" has no value/)
    const { out } = await run("export a")
    expect(await said(out.split("\n").slice(0, 9).join("\n"))).toMatch(/was cut off: it has 8/)
    expect((await run("import cut /no/such/file")).said).toMatch(/there is no such file/)
  })
})

describe("backup and restore", () => {
  test("copy the file of a topic in use, and bring the topic back to it", async () => {
    const [path, copy] = [command.file("kept.db"), command.file("copy.db")]
    const topic = (path: string) => [
      { name: "kept", source: sqliteSource({ path, clock: systemClock }) },
    ]
    const hub = await serveHub({ topics: topic(path) })
    try {
      const at = ["--url", hub.url]
      for (const key of ["changed", "deleted"]) await command.run(["put", "kept", key, "1", ...at])
      const { code, said } = await run(`backup ${path} ${copy}`)
      expect([code, said]).toMatchObject([
        0,
        expect.stringMatching(/copied 2 entries at revision 3/),
      ])
      expect((await run(`backup ${path} ${copy}`)).said).toMatch(/is there already/)
      expect((await run(`backup kept ${copy}.2`)).said).toMatch(/there is no file kept/)
      await command.run(["put", "kept", "changed", "2", ...at])
      await command.run(["del", "kept", "deleted", ...at])
      await command.run(["put", "kept", "added", "2", ...at])
      const dry = await command.run(["restore", "kept", copy, "--dry-run", ...at])
      expect([dry.code, dry.out]).toEqual([1, "~ changed 2 → 1\n+ deleted 1\n- added 2\n"])
      expect((await command.run(["restore", "kept", copy, ...at])).code).toBe(0)
      expect((await command.run(["ls", "kept", ...at])).out).toBe("changed\ndeleted\n")
    } finally {
      await hub.close()
    }
    const served = await serveHub({ topics: topic(copy) })
    expect((await command.run(["ls", "kept", "--url", served.url])).out).toBe("changed\ndeleted\n")
    await served.close()
  })
})

describe("verify", () => {
  test("finds two hubs of one source equal, revisions and all", async () => {
    const { code, out } = await run(`verify a ${second.url}/v1/topics/a`)
    expect([code, out]).toMatchObject([
      0,
      expect.stringContaining("equal: 300 keys, values and revisions"),
    ])
  })

  test("names the keys that differ, and their values", async () => {
    const file = command.file("then.ndjson")
    await run(`export a ${file}`)
    await run("put a k/7 9007199254740993")
    await run("del a k/8")
    await run("put a new 1")
    const { code, out } = await run(`verify ${file} a`)
    expect([code, out.split("\n").slice(3)]).toEqual([
      1,
      [
        'differs    k/7  A: {"n":7}  B: 9007199254740993',
        'only in A  k/8  {"n":8}',
        "only in B  new  1",
        "3 of 301 keys differ",
        "",
      ],
    ])
    const { differences, differing } = JSON.parse((await run(`verify ${file} a --json`)).out)
    expect([differences, differing.length]).toEqual([3, 3])
    writeFileSync(file, readFileSync(file, "utf8").replace('"k/1"', '"k/x"'))
    expect(await run(`verify ${file} a`)).toMatchObject({
      code: 2,
      said: expect.stringContaining("was changed"),
    })
    expect((await run("verify a nope")).code).toBe(2)
  })

  test("compares values alone where the epochs differ", async () => {
    const { out } = await run("export a")
    await run("import empty -", out)
    const { code, out: told } = await run("verify a empty")
    expect([code, told]).toMatchObject([0, expect.stringContaining("the epochs differ")])
  })
})

describe("mirror", () => {
  test("refuses to delete unasked, then makes a topic equal and keeps it so", async () => {
    await run("put copy extra 1")
    expect(await run("mirror a copy --once")).toMatchObject({
      code: 1,
      said: expect.stringContaining("FROM lacks: 1 (extra)"),
    })
    const live = await command.start(["mirror", "a", "copy", "--delete"])
    await live.has("has what FROM has at")
    expect((await run("verify a copy")).code).toBe(0)
    await run("put a later 1")
    while ((await run("get copy later")).code !== 0);
    live.interrupt()
    expect(await live.ended).toBe(130)
  })
})
