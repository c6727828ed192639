import { describe, expect, test } from "vitest"
import { LOG_LEVELS, type LogLevel } from "../src/log.ts"
import { type LogFormat, LogWriter, withoutSecrets } from "../src/log-writer.ts"

const TIME = "2026-11-29T12:00:00.000Z"

function writerOf(format: LogFormat, level: LogLevel = "info") {
  const lines: string[] = []
  const write = (text: string) => lines.push(text)
  const writer = new LogWriter({ format, level, write, now: () => new Date(TIME) })
  return { writer, lines }
}

describe("LogWriter", () => {
  test("writes JSON: time, level, topic, message and fields", () => {
    const { writer, lines } = writerOf("json")

    writer.log("new epoch", { topic: "a", epoch: "5f" })
    writer.log('a "quoted"\nline', {}, "warn")

    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { time: TIME, level: "info", topic: "a", message: "new epoch", epoch: "5f" },
      { time: TIME, level: "warn", message: 'a "quoted"\nline' },
    ])
    expect(lines.join("")).not.toContain("\n")
  })

  test("writes text with the same parts", () => {
    const { writer, lines } = writerOf("text")
    writer.log("new epoch", { topic: "a", epoch: "5f", nothing: undefined }, "warn")
    expect(lines).toEqual([`${TIME} warn  topic a: new epoch epoch="5f"`])
  })

  test("a field does not take the place of a part of the entry", () => {
    const { writer, lines } = writerOf("json")
    writer.log("m", { message: "n", level: 5, time: 1 })
    expect(JSON.parse(lines[0]!)).toEqual({
      time: TIME,
      level: "info",
      message: "m",
      message_: "n",
      level_: 5,
      time_: 1,
    })
  })

  test("an error has its stack, and the messages of its causes", () => {
    const cause = new Error("the cause")
    const { writer, lines } = writerOf("json")
    writer.log("failed", { error: new Error("the error", { cause }) }, "error")
    expect(JSON.parse(lines[0]!).error).toMatch(
      /^Error: the error\n[\s\S]*\ncaused by .*the cause$/,
    )
  })

  test.each(["json", "text"] as const)("in %s, odd fields do not fail", (format) => {
    const { writer, lines } = writerOf(format)
    const loop = { self: undefined as unknown }
    loop.self = loop
    for (const odd of [loop, 5n, Symbol("s"), () => 1, undefined, null, Number.NaN]) {
      writer.log("odd", { odd })
    }
    expect(lines).toHaveLength(7)
    for (const line of lines) expect(line).toContain("odd")
  })

  test.each(LOG_LEVELS)("at level %s, lines of this level and above are written", (level) => {
    const { writer, lines } = writerOf("json", level)
    for (const each of LOG_LEVELS) writer.log(each, {}, each)

    const count = LOG_LEVELS.indexOf(level) + 1
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(LOG_LEVELS.slice(0, count))
  })

  test("the level moves", () => {
    const { writer, lines } = writerOf("json")
    writer.log("no", {}, "debug")
    writer.level = "debug"
    writer.log("yes", {}, "debug")
    expect(lines).toHaveLength(1)
  })
})

describe("withoutSecrets()", () => {
  const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlLW9mLWl0"
  test.each([
    ["cannot reach https://user:hunter2@host/x", "cannot reach https://…@host/x"],
    ['{"a":"etcd://u:hunter2@h:1"}', '{"a":"etcd://…@h:1"}'],
    ["authorization: Bearer abcdefgh-hunter2", "authorization: Bearer …"],
    ["basic dXNlcjpodW50ZXIy", "basic …"],
    [`token=${JWT}!`, "token=…!"],
    ["k -----BEGIN EC PRIVATE KEY-----\nhunter2\n-----END EC PRIVATE KEY----- l", "k … l"],
    ["a basic idea, an e-mail a@b.example", "a basic idea, an e-mail a@b.example"],
    [
      "GET http://127.0.0.1:8080/v1/topics/a?key=a@b",
      "GET http://127.0.0.1:8080/v1/topics/a?key=a@b",
    ],
  ])("%j", (line, shown) => {
    expect(withoutSecrets(line)).toBe(shown)
  })
})
