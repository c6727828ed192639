import { describe, expect, test } from "vitest"
import type { Config } from "../../src/command/config.ts"
import { greeting } from "../../src/command/greeting.ts"
import { helpText } from "../../src/command/help.ts"
import { SOURCE_TYPES } from "../../src/command/source-types.ts"
import { VERBS } from "../../src/command/verbs/verbs.ts"
import { HUB_LIMITS } from "../../src/limits.ts"
import { configOf, lineOf } from "../support/command-line.ts"

/** A topic, but for the function that opens its source. */
const shownOf = ({ name, values, write, source }: Config["topics"][number]) => ({
  name,
  values,
  write,
  kind: source.kind,
})

describe("the settings of a hub", () => {
  test("serves a topic in a file on loopback when nothing is said", async () => {
    const { topics, limits, cache, ...config } = await configOf([])

    expect(limits).toEqual(HUB_LIMITS)
    expect(cache).toEqual({ historyMs: 3_600_000, tombstoneBytesMax: 67_108_864 })

    expect(topics.map(shownOf)).toEqual([
      { name: "default", values: "json", write: true, kind: "sqlite" },
    ])
    expect(config).toMatchObject({
      listen: { hostname: "127.0.0.1", port: 8080 },
      cors: [],
      hosts: [],
      compress: false,
      topicMemory: 2 ** 30,
      trustedProxies: [],
    })
  })

  test("reads every option", async () => {
    const args = [
      ...["--listen", "[::]:0", "--allow-anonymous", "read"],
      ...["--topic", "a=memory:?values=text&write=0"],
      ...["--topic", "b=etcd://h1:1,[::1]:2,h3/x/y%20z/?values=binary&write=1"],
      ...[
        "--cors",
        "https://example.org",
        "--cors=http://localhost:5173",
        "--allow-host",
        "Hub.Lan",
        "--compress",
      ],
    ]

    const { topics, limits, cache, ...config } = await configOf(args)

    expect(topics.map(shownOf)).toEqual([
      { name: "a", values: "text", write: false, kind: "memory" },
      { name: "b", values: "binary", write: true, kind: "etcd" },
    ])
    expect(config).toMatchObject({
      listen: { hostname: "::", port: 0 },
      access: { anonymous: "read" },
      cors: ["https://example.org", "http://localhost:5173"],
      hosts: ["hub.lan"],
      compress: true,
      topicMemory: 2 ** 30,
      trustedProxies: [],
    })
  })

  test("reads the address of metrics", async () => {
    const { metricsListen } = await configOf(["--metrics-listen", "0.0.0.0:9101"])
    expect(metricsListen).toEqual({ hostname: "0.0.0.0", port: 9101 })
    await expect(configOf(["--metrics-listen", "9101"])).rejects.toThrow(/HOST:PORT.*"9101"/)
  })

  test("reads where grants come from, and refuses what leaves them open", async () => {
    const jwt = ["--jwt-issuer", "https://i.test", "--jwt-audience", "hub"]
    const own = await configOf(["--listen", "0.0.0.0:1", "--tokens", "t.json", "--audit", "-"])
    const issued = await configOf(["--jwks", "https://i.test/keys", ...jwt, "--jwt-type", "any"])
    const shared = await configOf(["--jwt-secret-file", "s", ...jwt], {
      HEADWATER_TOKENS_FILE: "t",
    })

    expect([own.access, own.audit]).toEqual([{ tokens: "t.json" }, "-"])
    expect(issued.access?.jwt).toEqual({
      keys: { type: "url", from: "https://i.test/keys" },
      issuer: "https://i.test",
      audience: "hub",
      type: "any",
    })
    expect([shared.access?.tokens, shared.access?.jwt?.keys]).toEqual([
      "t",
      { type: "secret", from: "s" },
    ])
    for (const [args, line] of [
      [["--jwks", "k.json"], "JWTs need --jwt-issuer and --jwt-audience"],
      [jwt, "--jwt-issuer and --jwt-audience need --jwks"],
      [["--jwks", "k.json", "--jwt-secret-file", "s", ...jwt], "exclude each other"],
      [["--jwks", "http://i.test/keys", ...jwt], "keys are fetched by https"],
      [["--jwks", "https://u:p@i.test/keys", ...jwt], "a URL of keys carries no credentials"],
      [["--listen", "0.0.0.0:1"], "or --tokens, or JWTs"],
    ] as [string[], string][]) {
      await expect(configOf(args)).rejects.toThrow(line)
    }
  })

  test("reads the files of a certificate, and refuses half of them", async () => {
    const pair = ["--tls-cert", "hub.pem", "--tls-key", "hub.key"]
    expect((await configOf(pair)).tls).toEqual({ cert: "hub.pem", key: "hub.key" })
    for (const half of [pair.slice(0, 2), pair.slice(2)]) {
      await expect(configOf(half)).rejects.toThrow(/both --tls-cert and --tls-key/)
    }
  })

  test("an etcd and a hub are read-only unless asked; a file and memory are written", async () => {
    const writes = async (source: string) =>
      (await configOf(["--topic", `a=${source}`])).topics[0]?.write

    expect(await writes("etcd://h/p/")).toBe(false)
    expect(await writes("etcds://h/p/?write=1")).toBe(true)
    expect(await writes("etcd2://h/p/")).toBe(false)
    expect(await writes("headwater+http://h/t")).toBe(false)
    expect(await writes("headwater+http://h/t?write=1")).toBe(true)
    expect(await writes("sqlite:x.db")).toBe(true)
    expect(await writes("memory:?write=0")).toBe(false)
  })

  test("reads the environment where an option is not given", async () => {
    const env = {
      HEADWATER_LISTEN: "localhost:9000",
      HEADWATER_TOPICS: " a=memory:; b=memory:?values=text\nc=memory: ",
    }

    const given = await configOf([], env)
    expect(given.listen).toEqual({ hostname: "localhost", port: 9000 })
    expect(given.topics.map(({ name }) => name)).toEqual(["a", "b", "c"])
    const own = await configOf(["--topic", "d=memory:", "--listen", "127.0.0.1:1"], env)
    expect([own.listen.port, own.topics.map(({ name }) => name)]).toEqual([1, ["d"]])
  })

  test("memory is divided among topics, and a topic has a bound of its own", async () => {
    const topics = ["--topic", "a=memory:", "--topic", "b=memory:"]
    const memoryOf = async (...args: string[]) => (await configOf([...topics, ...args])).topicMemory

    expect(await memoryOf("--memory", "100MiB")).toBe(50 * 2 ** 20)
    expect(await memoryOf("--memory", "8GiB")).toBe(2 ** 30)
    expect(await memoryOf("--memory", "8GiB", "--topic-memory", "64MiB")).toBe(64 * 2 ** 20)
    expect(await lineOf([...topics, "--memory", "5MiB"])).toBe(
      "--memory 5MiB is too little for 2 topics: each needs 4MiB",
    )
  })

  test("bounds, durations and sizes reach the hub", async () => {
    const args = ["--streams", "7", "--heartbeat", "2s", "--batch-size", "1MiB", "--history", "90"]
    const { limits, cache } = await configOf(args)
    expect([limits.streamsMax, limits.heartbeatMs, limits.batchBytesMax, cache.historyMs]).toEqual([
      7, 2_000, 1_048_576, 90_000,
    ])
  })

  test("a token in a source is refused, and not repeated", async () => {
    const line = await lineOf(["--topic", "a=headwater+https://h/t?token=abc123"])
    expect(line).toContain("argument")
    expect(line).not.toContain("abc123")
  })
})

describe("what is wrong is said in one line", () => {
  const wrong: [args: string[], line: RegExp][] = [
    [["--listn", "x"], /--listn.*Did you mean --listen/],
    [["serve", "x"], /the word comes first/],
    [["srve"], /unknown word "srve"; did you mean serve\?/],
    [["--listen"], /--listen/],
    [["--listen", "8080"], /HOST:PORT.*"8080"/],
    [["--listen", "127.0.0.1:70000"], /HOST:PORT/],
    [["--listen", "0.0.0.0:80"], /needs --allow-anonymous/],
    [["--listen", "hub.example:80"], /needs --allow-anonymous/],
    [["--allow-anonymous", "all"], /read or write/],
    [["--allow-host", "hub.lan:8080"], /--allow-host takes a name without a port/],
    [["--cors", "example.org"], /takes an origin/],
    [["--cors", "https://example.org/path"], /takes an origin/],
    [["--cors", "*"], /takes an origin/],
    [["--topic", "x"], /NAME=SOURCE/],
    [["--topic", "=memory:"], /NAME=SOURCE/],
    [["--topic", "a/b=memory:"], /NAME=SOURCE/],
    [["--topic", "a=memory"], /a source is sqlite:PATH, memory:, etcd/],
    [["--topic", "a=sqlite:"], /say which file: sqlite:/],
    [["--topic", "a=sqlite::memory:"], /say which file: sqlite:/],
    [["--topic", "a=sqlite:100%.db"], /not URL-encoded/],
    [["--topic", "a=memory:x"], /memory: takes no name, not "x"/],
    [["--topic", "a=http://x"], /a source is sqlite:PATH, memory:, etcd/],
    [["--topic", "a=memory:?values=xml"], /values=xml is none of/],
    [["--topic", "a=memory:?writ=1"], /writ=1 is none of/],
    [["--topic", "a=memory:", "--topic", "a=memory:"], /"a" is given twice/],
    [["--topic", "a=etcd://h:1"], /the address has no prefix/],
    [["--topic", "a=etcd:///p/"], /"" is not HOST:PORT/],
    [["--topic", "a=etcd://h:1,/p/"], /"" is not HOST:PORT/],
    [["--topic", "a=etcd://h:99999/p/"], /is not HOST:PORT/],
    [["--topic", "a=etcd://h:1/%ff/"], /URL-encoded/],
    [["--topic", "a=headwater+http://h:1/"], /say which topic of which hub/],
    [["--topic", "a=headwater+http://u:hunter2@h/t"], /say which topic of which hub/],
    [["--topic", "a=etcd2://h:1/p"], /ends with a slash/],
    [["--topic", "a=etcd2://h:1/p/?write=1"], /etcd2: cannot be written/],
    [["--topic", "a=etcd2s://h:1/p/?write=1"], /etcd2s: cannot be written/],
    [["--topic", "a=etcd2s://h:1/p"], /ends with a slash/],
    [["--topic", "a=etcd://h:1/p/?reads=any"], /reads=any is none of.*serializable/],
    [["--topic", "a=memory:?marker=1"], /marker=1 is none of/],
  ]
  test.each(wrong)("%j", async (args, line) => {
    expect(await lineOf(args)).toMatch(line)
    expect(await lineOf(args)).not.toContain("\n")
  })

  test("a password in a source is refused, and not repeated", async () => {
    for (const source of ["etcd://user:hunter2@h:1/p/", "http://user:hunter2@h"]) {
      expect(await lineOf(["--topic", `a=${source}`])).not.toContain("hunter2")
    }
    expect(await lineOf(["--topic", "a=etcd://u:hunter2@h:1/p/"])).toMatch(/credentials/)
  })
})

describe("helpText(VERBS)", () => {
  test("names every source with its options and variables once, and fits a terminal", async () => {
    const lines = helpText(VERBS).split("\n")

    for (const { forms, options, variables } of SOURCE_TYPES) {
      for (const [form] of forms) {
        expect(lines.filter((line) => line.trim().startsWith(form))).not.toEqual([])
      }
      for (const { help } of options) {
        expect(lines.filter((line) => line.trim().startsWith(`?${help[0]}`))).toHaveLength(1)
      }
      for (const [name] of variables) {
        expect(lines.filter((line) => line.trim().startsWith(`${name} `))).toHaveLength(1)
      }
    }
    expect(lines.filter((line) => line.length > 100)).toEqual([])
  })
})

describe("greeting()", () => {
  test("names the address, the files, the access, and three commands to try", async () => {
    const files = [{ name: "default", file: "/srv/data/default.db" }]
    expect(greeting(await configOf([]), "http://127.0.0.1:8080", files).split("\n")).toEqual([
      "headwater listens on http://127.0.0.1:8080, topics: default (json, sqlite)",
      "topic default is kept in /srv/data/default.db",
      "every program on this machine may read and write, and a proxy here makes the hub public:",
      "  choose the access of its clients with --tokens, or --allow-anonymous read or write",
      "",
      "try:",
      "  curl -N http://127.0.0.1:8080/v1/topics/default/stream",
      "  curl -X PUT -H content-type:application/json -d '\"hello\"'" +
        " http://127.0.0.1:8080/v1/topics/default/entries/greeting",
      "  open http://127.0.0.1:8080/",
      "",
    ])
  })

  test.each([
    [["--topic", "a=etcd://h:1/p/"], "a (json, etcd, read-only)"],
    [["--topic", "a=memory:", "--allow-anonymous", "read"], "a (json, memory, read-only)"],
  ])("calls a topic read-only that clients cannot write: %j", async (args, topic) => {
    const lines = greeting(await configOf(args), "http://h", [])
    expect(lines).toContain(`topics: ${topic}\n`)
    expect(lines).toContain("  curl http://h/v1/topics/a/entries\n")
  })

  test("does not warn of a proxy where the access was chosen", async () => {
    const config = await configOf(["--allow-anonymous", "write"])
    expect(greeting(config, "http://h", [])).not.toContain("proxy")
  })
})
