import { describe, expect, test } from "vitest"
import { type Given, resolve } from "../../../src/command/settings/resolve.ts"
import type { Settings } from "../../../src/command/settings/setting.ts"
import { choice, count, duration, flag, size } from "../../../src/command/settings/setting-type.ts"

const group = "Readers"
const SETTINGS = {
  streams: { group, type: count({ least: 1, most: 1_000_000 }), initial: "10000", help: "streams" },
  heartbeat: { group, type: duration({ least: 100, most: 60_000 }), initial: "4s", help: "beat" },
  memory: { group, type: size({ least: 1, most: 2 ** 40 }), help: "memory" },
  compress: { group, type: flag, initial: "false", help: "gzip" },
  topic: {
    group,
    type: choice("a", "b"),
    many: true,
    variable: "HEADWATER_TOPICS",
    help: "topics",
  },
} as const satisfies Settings

interface GivenTexts {
  readonly flags?: Given["flags"]
  readonly env?: Readonly<Record<string, string>>
  readonly file?: Readonly<Record<string, string | readonly string[]>>
}

const given = ({ flags = {}, env = {}, file }: GivenTexts): Given => ({
  flags,
  env: (name) => env[name],
  file: file && {
    path: "hub.yaml",
    fields: new Map(
      Object.entries(file).map(([name, texts], index) => [
        name,
        { texts: typeof texts === "string" ? [texts] : texts, line: index + 1 },
      ]),
    ),
  },
})

const ORIGINS = ["flag", "environment", "file", "default"] as const

describe("resolve()", () => {
  // Every subset of the three places that can give a value.
  test.each([0, 1, 2, 3, 4, 5, 6, 7])("the first of flag, environment and file wins: %#", (set) => {
    const flags = set & 1 ? { streams: ["1"] } : {}
    const env: Record<string, string> = set & 2 ? { HEADWATER_STREAMS: "2" } : {}
    const file: Record<string, string> = set & 4 ? { streams: "3" } : {}
    const { values, found } = resolve(SETTINGS, given({ flags, env, file }))

    const place = set & 1 ? 0 : set & 2 ? 1 : set & 4 ? 2 : 3
    expect(values.streams).toBe([1, 2, 3, 10_000][place])
    expect(found.streams.origin).toBe(ORIGINS[place])
  })

  test("takes defaults where nothing is given", () => {
    const { values, found } = resolve(SETTINGS, given({}))

    expect(values).toEqual({
      streams: 10_000,
      heartbeat: 4_000,
      memory: undefined,
      compress: false,
      topic: [],
    })
    expect(new Set(Object.values(found).map(({ origin }) => origin))).toEqual(new Set(["default"]))
  })

  test("takes a setting that may come again as a whole from one place", () => {
    const file = { topic: ["a", "b"] }
    const read = (more: GivenTexts) => resolve(SETTINGS, given(more)).values.topic

    expect(read({ file })).toEqual(["a", "b"])
    expect(read({ file, env: { HEADWATER_TOPICS: "b; a\nb" } })).toEqual(["b", "a", "b"])
    expect(read({ file, env: { HEADWATER_TOPICS: "b" }, flags: { topic: ["a"] } })).toEqual(["a"])
  })

  test("the last flag wins, and a flag can be turned off again", () => {
    const env = { HEADWATER_COMPRESS: "true" }
    const { values } = resolve(
      SETTINGS,
      given({ env, flags: { streams: ["1", "7"], compress: ["false"] } }),
    )

    expect([values.streams, values.compress]).toEqual([7, false])
  })

  test("an empty variable gives nothing", () => {
    const { found } = resolve(SETTINGS, given({ env: { HEADWATER_STREAMS: " " } }))
    expect(found.streams.origin).toBe("default")
  })

  test.each<[GivenTexts, string]>([
    [
      { flags: { heartbeat: ["soon"] } },
      '--heartbeat takes a duration such as 500ms, 5s or 2m, from 100ms to 1m, not "soon"',
    ],
    [
      { flags: { heartbeat: ["-5s"] } },
      '--heartbeat takes a duration such as 500ms, 5s or 2m, from 100ms to 1m, not "-5s"',
    ],
    [
      { env: { HEADWATER_STREAMS: "-1" } },
      'HEADWATER_STREAMS takes a whole number, from 1 to 1000000, not "-1"',
    ],
    [
      { env: { HEADWATER_STREAMS: "99999999999999999999" } },
      'HEADWATER_STREAMS takes a whole number, from 1 to 1000000, not "99999999999999999999"',
    ],
    [
      { flags: { streams: ["1000001"] } },
      '--streams takes a whole number, from 1 to 1000000, not "1000001"',
    ],
    [
      { file: { memory: "much" } },
      'memory in hub.yaml, line 1, takes a size such as 64MiB, from 1B to 1024GiB, not "much"',
    ],
    [{ file: { topic: ["c"] } }, 'topic in hub.yaml, line 1, takes a or b, not "c"'],
    [{ file: { streams: ["1", "2"] } }, "streams in hub.yaml, line 1, takes one value, not 2"],
    [{ file: { streams: [] } }, "streams in hub.yaml, line 1, takes one value, not 0"],
    [{ file: { compress: "yes" } }, 'compress in hub.yaml, line 1, takes true or false, not "yes"'],
    [
      { file: { heartbeet: "4s" } },
      'hub.yaml, line 1: no setting is called "heartbeet"; did you mean heartbeat?',
    ],
    [{ file: { constructor: "4s" } }, 'hub.yaml, line 1: no setting is called "constructor"'],
  ])("refuses %j", (what, message) => {
    expect(() => resolve(SETTINGS, given(what))).toThrow(message)
  })
})
