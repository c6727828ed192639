import { describe, expect, test } from "vitest"
import { type Command, type Config, readCommand } from "../../src/command/config.ts"
import { greeting } from "../../src/command/greeting.ts"
import { helpText } from "../../src/command/help.ts"
import { SOURCE_TYPES } from "../../src/command/source-types.ts"

const read = (args: string[], env: Record<string, string> = {}): Command =>
  readCommand(args, (name) => env[name])

function configOf(args: string[], env: Record<string, string> = {}): Config {
  const command = read(args, env)
  if (command.type !== "serve") throw new Error(JSON.stringify(command))
  return command.config
}

/** A topic, but for the function that opens its source. */
const shownOf = ({ name, values, write, source }: Config["topics"][number]) => ({
  name,
  values,
  write,
  kind: source.kind,
})

function lineOf(args: string[], env: Record<string, string> = {}): string {
  const command = read(args, env)
  if (command.type !== "wrong") throw new Error(JSON.stringify(command))
  return command.line
}

describe("readCommand()", () => {
  test("serves a topic in a file on loopback when nothing is said", () => {
    const { topics, ...config } = configOf([])

    expect(topics.map(shownOf)).toEqual([
      { name: "default", values: "json", write: true, kind: "sqlite" },
    ])
    expect(config).toEqual({
      listen: { hostname: "127.0.0.1", port: 8080 },
      anonymous: "write",
      isAccessChosen: false,
      cors: [],
      hosts: [],
      compress: false,
    })
  })

  test("reads every option", () => {
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

    const { topics, ...config } = configOf(args)

    expect(topics.map(shownOf)).toEqual([
      { name: "a", values: "text", write: false, kind: "memory" },
      { name: "b", values: "binary", write: true, kind: "etcd" },
    ])
    expect(config).toEqual({
      listen: { hostname: "::", port: 0 },
      anonymous: "read",
      isAccessChosen: true,
      cors: ["https://example.org", "http://localhost:5173"],
      hosts: ["hub.lan"],
      compress: true,
    })
  })

  test("an etcd and a hub are read-only unless asked; a file and memory are written", () => {
    const writes = (source: string) => configOf(["--topic", `a=${source}`]).topics[0]?.write

    expect(writes("etcd://h/p/")).toBe(false)
    expect(writes("etcds://h/p/?write=1")).toBe(true)
    expect(writes("etcd2://h/p/")).toBe(false)
    expect(writes("headwater+http://h/t")).toBe(false)
    expect(writes("headwater+http://h/t?write=1")).toBe(true)
    expect(writes("sqlite:x.db")).toBe(true)
    expect(writes("memory:?write=0")).toBe(false)
  })

  test("reads the environment where an option is not given", () => {
    const env = {
      HEADWATER_LISTEN: "localhost:9000",
      HEADWATER_TOPICS: " a=memory:; b=memory:?values=text\nc=memory: ",
    }

    expect(configOf([], env).listen).toEqual({ hostname: "localhost", port: 9000 })
    expect(configOf([], env).topics.map(({ name }) => name)).toEqual(["a", "b", "c"])
    const own = configOf(["--topic", "d=memory:", "--listen", "127.0.0.1:1"], env)
    expect([own.listen.port, own.topics.map(({ name }) => name)]).toEqual([1, ["d"]])
  })

  test("a token in a source is refused, and not repeated", () => {
    const line = lineOf(["--topic", "a=headwater+https://h/t?token=abc123"])
    expect(line).toContain("argument")
    expect(line).not.toContain("abc123")
  })

  test("says help and version", () => {
    expect(read(["--help"])).toEqual({ type: "help" })
    expect(read(["--version", "--listen", "x"])).toEqual({ type: "version" })
  })
})

describe("what is wrong is said in one line", () => {
  const wrong: [args: string[], line: RegExp][] = [
    [["--listn", "x"], /--listn/],
    [["serve"], /serve/],
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
  test.each(wrong)("%j", (args, line) => {
    expect(lineOf(args)).toMatch(line)
    expect(lineOf(args)).not.toContain("\n")
  })

  test("a password in a source is refused, and not repeated", () => {
    for (const source of ["etcd://user:hunter2@h:1/p/", "http://user:hunter2@h"]) {
      expect(lineOf(["--topic", `a=${source}`])).not.toContain("hunter2")
    }
    expect(lineOf(["--topic", "a=etcd://u:hunter2@h:1/p/"])).toMatch(/credentials/)
  })
})

describe("helpText()", () => {
  test("names every source with its options and variables, once, and fits a terminal", () => {
    const lines = helpText().split("\n")

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
  test("names the address, the files, who can reach the hub, and three commands to try", () => {
    const files = [{ name: "default", file: "/srv/data/default.db" }]
    expect(greeting(configOf([]), "http://127.0.0.1:8080", files).split("\n")).toEqual([
      "headwater listens on http://127.0.0.1:8080, topics: default (json, sqlite)",
      "topic default is kept in /srv/data/default.db",
      "every program on this machine may read and write, and a proxy here makes the hub public:",
      "  choose the access of its clients with --allow-anonymous read or write",
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
  ])("calls a topic read-only that clients cannot write: %j", (args, topic) => {
    const lines = greeting(configOf(args), "http://h", [])
    expect(lines).toContain(`topics: ${topic}\n`)
    expect(lines).toContain("  curl http://h/v1/topics/a/entries\n")
  })

  test("does not warn of a proxy where the access was chosen", () => {
    const config = configOf(["--allow-anonymous", "write"])
    expect(greeting(config, "http://h", [])).not.toContain("proxy")
  })
})
