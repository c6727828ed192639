import { describe, expect, test } from "vitest"
import { greeting } from "../../src/command/cli.ts"
import { type Command, type Config, readCommand } from "../../src/command/config.ts"

const read = (args: string[], env: Record<string, string> = {}): Command =>
  readCommand(args, (name) => env[name])

function configOf(args: string[], env: Record<string, string> = {}): Config {
  const command = read(args, env)
  if (command.type !== "serve") throw new Error(JSON.stringify(command))
  return command.config
}

function lineOf(args: string[], env: Record<string, string> = {}): string {
  const command = read(args, env)
  if (command.type !== "wrong") throw new Error(JSON.stringify(command))
  return command.line
}

describe("readCommand()", () => {
  test("serves a topic in a file on loopback when nothing is said", () => {
    expect(configOf([])).toEqual({
      listen: { hostname: "127.0.0.1", port: 8080 },
      topics: [
        {
          name: "default",
          values: "json",
          source: { type: "sqlite", path: "./data/default.db", write: true },
        },
      ],
      anonymous: "write",
      isAccessChosen: false,
      cors: [],
      hosts: [],
      compress: false,
      etcd: undefined,
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

    expect(configOf(args)).toEqual({
      listen: { hostname: "::", port: 0 },
      topics: [
        { name: "a", values: "text", source: { type: "memory", write: false } },
        {
          name: "b",
          values: "binary",
          source: {
            type: "etcd",
            endpoints: ["http://h1:1", "http://[::1]:2", "http://h3:2379"],
            prefix: "/x/y z/",
            write: true,
            marker: true,
          },
        },
      ],
      anonymous: "read",
      isAccessChosen: true,
      cors: ["https://example.org", "http://localhost:5173"],
      hosts: ["hub.lan"],
      compress: true,
      etcd: undefined,
    })
  })

  test("an etcd topic is read-only unless it says otherwise", () => {
    const [topic] = configOf(["--topic", "a=etcd://127.0.0.1:2379/p/"]).topics
    expect(topic?.source).toMatchObject({ type: "etcd", write: false, prefix: "/p/" })
  })

  test("an etcd2 topic is a directory, and cannot be written", () => {
    const [topic] = configOf(["--topic", "a=etcd2://h1,h2:1/p%20q/"]).topics
    expect(topic?.source).toEqual({
      type: "etcd2",
      endpoints: ["http://h1:2379", "http://h2:1"],
      prefix: "/p q/",
      write: false,
    })
    const [secure] = configOf(["--topic", "a=etcd2s://h1,h2:1/p/"]).topics
    expect(secure?.source).toMatchObject({ endpoints: ["https://h1:2379", "https://h2:1"] })
  })

  test("an etcd topic takes TLS, a marker, reads by any member, and how far to go back", () => {
    const options = "marker=1&reads=serializable&history=500"
    const [topic] = configOf(["--topic", `a=etcds://h1,h2:1/p/?${options}`]).topics
    expect(topic?.source).toEqual({
      type: "etcd",
      endpoints: ["https://h1:2379", "https://h2:1"],
      prefix: "/p/",
      write: false,
      marker: true,
      reads: "serializable",
      historyRevisionsMax: 500,
    })
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

  test("takes etcd's credentials from the environment, as text or as a file", () => {
    const env = { HEADWATER_ETCD_USERNAME: "u" }
    expect(configOf([], { ...env, HEADWATER_ETCD_PASSWORD: "p" }).etcd).toEqual({
      username: "u",
      password: { text: "p" },
    })
    expect(configOf([], { ...env, HEADWATER_ETCD_PASSWORD_FILE: "/f" }).etcd).toEqual({
      username: "u",
      password: { file: "/f" },
    })
  })

  test("takes the files of etcd's TLS from the environment", () => {
    const env = { HEADWATER_ETCD_CERT_FILE: "/c", HEADWATER_ETCD_KEY_FILE: "/k" }
    expect(configOf([], env).etcdTls).toEqual({ cert: "/c", key: "/k" })
    expect(configOf([], { ...env, HEADWATER_ETCD_CA_FILE: "/ca" }).etcdTls).toEqual({
      ca: "/ca",
      cert: "/c",
      key: "/k",
    })
  })

  test("takes the token for other hubs from the environment or a file, not from arguments", () => {
    const named = configOf(["--topic", "a=headwater+https://h/t?token-file=/run/a%20b"])
    expect(named.topics[0]?.source).toMatchObject({ type: "hub", tokenFile: "/run/a b" })
    expect(named.hubToken).toBeUndefined()
    expect(configOf([], { HEADWATER_HUB_TOKEN: "x" }).hubToken).toEqual({ text: "x" })
    expect(configOf([], { HEADWATER_HUB_TOKEN_FILE: "/f" }).hubToken).toEqual({ file: "/f" })
    expect(configOf([], { HEADWATER_HUB_CA_FILE: "/ca" }).hubTls).toEqual({ ca: "/ca" })

    const both = { HEADWATER_HUB_TOKEN: "x", HEADWATER_HUB_TOKEN_FILE: "/f" }
    expect(read([], both)).toEqual({
      type: "wrong",
      line: "give HEADWATER_HUB_TOKEN or HEADWATER_HUB_TOKEN_FILE, not both",
    })
    const wrong = read(["--topic", "a=headwater+https://h/t?token=abc123"])
    expect(wrong).toMatchObject({ type: "wrong", line: expect.stringContaining("argument") })
    expect(JSON.stringify(wrong)).not.toContain("abc123")
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
    [["--topic", "a=memory"], /a source is sqlite:PATH, memory: or etcd/],
    [["--topic", "a=sqlite:"], /say which file: sqlite:/],
    [["--topic", "a=sqlite::memory:"], /say which file: sqlite:/],
    [["--topic", "a=sqlite:100%.db"], /not URL-encoded/],
    [["--topic", "a=memory:x"], /a source is sqlite:PATH, memory: or etcd/],
    [["--topic", "a=http://x"], /a source is sqlite:PATH, memory: or etcd/],
    [["--topic", "a=memory:?values=xml"], /values=xml is none of/],
    [["--topic", "a=memory:?writ=1"], /writ=1 is none of/],
    [["--topic", "a=memory:", "--topic", "a=memory:"], /"a" is given twice/],
    [["--topic", "a=etcd://h:1"], /say which keys/],
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

  test("half of a credential is refused", () => {
    expect(lineOf([], { HEADWATER_ETCD_PASSWORD: "p" })).toMatch(/needs HEADWATER_ETCD_USERNAME/)
    expect(lineOf([], { HEADWATER_ETCD_USERNAME: "u" })).toMatch(/needs HEADWATER_ETCD_PASSWORD/)
    const both = { HEADWATER_ETCD_PASSWORD: "p", HEADWATER_ETCD_PASSWORD_FILE: "f" }
    expect(lineOf([], { HEADWATER_ETCD_USERNAME: "u", ...both })).toMatch(/not both/)
    expect(lineOf([], { HEADWATER_ETCD_CERT_FILE: "c" })).toMatch(/KEY_FILE go together/)
    expect(lineOf([], { HEADWATER_ETCD_KEY_FILE: "k" })).toMatch(/KEY_FILE go together/)
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
