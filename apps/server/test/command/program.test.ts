import { describe, expect, test } from "vitest"
import { buildProgram, readCommandLine } from "../../src/command/program.ts"
import type { Verb } from "../../src/command/verbs/verb.ts"
import { VERBS } from "../../src/command/verbs/verbs.ts"

const TOOLS: Verb = {
  name: "tools",
  summary: "words below a word",
  verbs: [
    {
      name: "count",
      summary: "count things",
      define: (command) => command.argument("<things...>", "what to count").option("--dry-run"),
      run: async () => 0,
    },
  ],
}
const WORDS = [...VERBS, TOOLS]

const read = (...args: string[]) => readCommandLine(args, WORDS)
const lineOf = (...args: string[]) => {
  const line = read(...args)
  return line.type === "wrong" ? line.line : line.type
}

describe("readCommandLine()", () => {
  test.each([[[]], [["serve"]], [["--listen", "x"]], [["serve", "--listen", "x"]]])(
    "%j serves",
    (args) => {
      expect(readCommandLine(args, WORDS)).toMatchObject({ type: "run", verb: { name: "serve" } })
    },
  )

  test("keeps the texts of options, each time they come", () => {
    expect(read("--topic", "a", "--topic=b", "--listen", "-1", "--no-compress")).toMatchObject({
      options: { topic: ["a", "b"], listen: ["-1"], compress: false },
    })
  })

  test("finds a word below a word, with its arguments and options", () => {
    expect(read("tools", "count", "a", "b", "--dry-run")).toMatchObject({
      type: "run",
      verb: { name: "count" },
      args: [["a", "b"]],
      options: { dryRun: true },
    })
  })

  test.each([["--help"], ["-h"], ["help"], ["serve", "--help"], ["--listen", "x", "-h"]])(
    "%s %s %s asks for help",
    (...args) => {
      expect(read(...args.filter((arg) => arg !== undefined))).toEqual({ type: "help" })
    },
  )

  test.each([["--version"], ["-v"], ["--version", "--listen", "x"], ["serve", "-v"]])(
    "%s %s %s asks for the version",
    (...args) => {
      expect(read(...args.filter((arg) => arg !== undefined))).toEqual({ type: "version" })
    },
  )

  test("prints the help of a word", () => {
    const text = "Usage: headwater tools count [options] <things...>\n\ncount things\n"
    for (const args of [
      ["tools", "count", "--help"],
      ["help", "tools", "count"],
    ]) {
      expect(read(...args)).toMatchObject({ type: "print", text: expect.stringContaining(text) })
    }
  })

  test("refuses with one line, and the nearest name", () => {
    expect(lineOf("srve")).toBe('unknown word "srve"; did you mean serve?')
    expect(lineOf("xyzzyxyzzy")).toBe(
      `unknown word "xyzzyxyzzy": the words are ${WORDS.map(({ name }) => name).join(", ")}`,
    )
    expect(lineOf("--listn", "x")).toBe('unknown option "--listn" (Did you mean --listen?)')
    expect(lineOf("--listen")).toBe('option "--listen HOST:PORT" argument missing')
    expect(lineOf("--listen", "x", "serve")).toMatch(/^an argument stands alone/)
    expect(lineOf("config", "x")).toMatch(/^too many arguments for "config"/)
    expect(lineOf("tools", "count")).toBe('missing required argument "things"')
    expect(lineOf("tools", "cuont")).toMatch(/unknown/)
    expect(lineOf("tools")).not.toContain("\n")
  })

  test("the help of every word fits a terminal", () => {
    for (const command of buildProgram(VERBS).commands) {
      const wide = command
        .helpInformation()
        .split("\n")
        .filter((line) => line.length > 100)
      expect(wide).toEqual([])
    }
  })
})
