import { describe, expect, test } from "vitest"
import { ArgumentError, readOptions } from "../arguments.ts"

const here = { scenarios: ["trie", "load", "serve"], runtimes: ["node", "node24", "bun"] }

describe("readOptions()", () => {
  test("asks for everything, in full, with the one seed, unless told otherwise", () => {
    expect(readOptions([], here)).toEqual({
      ...here,
      sizeName: "full",
      seed: 42,
      json: undefined,
      compare: undefined,
    })
  })

  test("narrows, in the order in which things run", () => {
    const line = "--scenario serve,trie --runtime bun --size smoke --seed 7 --json a.json"
    expect(readOptions([...line.split(" "), "--compare", "b.json"], here)).toEqual({
      scenarios: ["trie", "serve"],
      runtimes: ["bun"],
      sizeName: "smoke",
      seed: 7,
      json: "a.json",
      compare: "b.json",
    })
  })

  test.each([
    ["--scenario", "tree"],
    ["--runtime", "node18"],
    ["--size", "small"],
    ["--seed", "x"],
    ["--fast"],
    ["trie"],
  ])("refuses %s %s", (...args) => {
    expect(() => readOptions(args, here)).toThrow(ArgumentError)
  })
})
