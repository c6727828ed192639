import { describe, expect, test } from "vitest"
import { ArgumentError, readOptions } from "../arguments.ts"

const here = { scenarios: ["trie", "load", "serve"], runtimes: ["node", "node24", "bun"] }

describe("readOptions()", () => {
  test("asks for everything, in full, with the one seed, unless told otherwise", () => {
    expect(readOptions([], here)).toEqual({
      ...here,
      sizeName: "full",
      rounds: 2,
      seed: 42,
      json: undefined,
      add: false,
      compare: undefined,
      publish: undefined,
    })
  })

  test("a scenario's name takes with it those that begin with it; with a dot it is alone", () => {
    const scenarios = ["serve", "serve-join", "sync"]
    const chosen = (name: string) =>
      readOptions(["--scenario", name], { ...here, scenarios }).scenarios

    expect(chosen("serve")).toEqual(["serve", "serve-join"])
    expect(chosen("serve.")).toEqual(["serve"])
    expect(chosen("sync,serve-join")).toEqual(["serve-join", "sync"])
  })

  test("narrows, in the order in which things run", () => {
    const line =
      "--scenario serve,trie --runtime bun --size smoke --rounds 1 --seed 7 --json a.json"
    expect(readOptions([...line.split(" "), "--add", "--compare", "b.json"], here)).toEqual({
      scenarios: ["trie", "serve"],
      runtimes: ["bun"],
      sizeName: "smoke",
      rounds: 1,
      seed: 7,
      json: "a.json",
      add: true,
      compare: "b.json",
      publish: undefined,
    })
  })

  test.each([
    ["--scenario", "tree"],
    ["--runtime", "node18"],
    ["--size", "small"],
    ["--seed", "x"],
    ["--rounds", "4"],
    ["--fast"],
    ["trie"],
  ])("refuses %s %s", (...args) => {
    expect(() => readOptions(args, here)).toThrow(ArgumentError)
  })
})
