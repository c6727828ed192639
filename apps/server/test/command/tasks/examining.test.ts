import { execFileSync } from "node:child_process"
import { memorySource } from "@headwater/syncer/memory"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { buildProgram } from "../../../src/command/program.ts"
import { completionScript, completionWords } from "../../../src/command/tasks/completion.ts"
import { judgeClock } from "../../../src/command/tasks/diagnosis.ts"
import { Histogram } from "../../../src/command/tasks/histogram.ts"
import { progressText } from "../../../src/command/tasks/progress-line.ts"
import { VERBS } from "../../../src/command/verbs/verbs.ts"
import { type ServedHub, serveHub } from "../../support/served-hub.ts"
import { TaskRunner } from "../../support/task-run.ts"

let served: ServedHub
let command: TaskRunner

beforeAll(async () => {
  served = await serveHub({
    topics: [{ name: "t", source: memorySource() }],
    limits: { heartbeatMs: 300 },
  })
  command = new TaskRunner(served.url)
})

afterAll(async () => {
  command.close()
  await served.close()
})

const run = (...args: string[]) => command.run(args)

describe("doctor", () => {
  test("finds no fault at a hub that is reached directly", async () => {
    const { code, out } = await run("doctor", "--json")
    const findings = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
    expect([code, findings.filter(({ level }) => level === "fault")]).toEqual([0, []])
    expect(findings.map(({ subject }) => subject)).toEqual([
      ...["reach", "clock", "token", "topic", "arrival", "compression", "resume", "tabs"],
      ...["http", "digest"],
    ])
  })

  test("says that there is no hub, or no such topic", async () => {
    expect(await run("doctor", "http://127.0.0.1:9")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^fault reach {7}the hub at .* cannot be reached/),
    })
    expect((await run("doctor", "nope")).out).toMatch(/^fault topic {7}there is no topic nope$/m)
  })

  test("judges a clock by the middle of the request", () => {
    const at = Date.parse("2026-01-01T00:00:00Z")
    const date = new Date(at).toUTCString()
    expect(judgeClock(date, at - 1_000, at + 1_000).level).toBe("ok")
    expect(judgeClock(date, at + 60_000, at + 60_000)).toMatchObject({
      level: "fault",
      text: "the hub's clock is 1 m behind this machine's",
    })
    expect(judgeClock(null, at, at).level).toBe("note")
  })
})

describe("bench", () => {
  test("measures the time from writes to readers, and leaves no key", async () => {
    const options = ["--readers", "4", "--slow", "1", "--rate", "20", "--duration", "500ms"]
    const { code, out } = await run("bench", "t", ...options, "--json")
    const { readers, slow, lost, writes, latency } = JSON.parse(out)
    expect([code, readers, slow, lost]).toEqual([0, 4, 1, 0])
    expect(writes.count).toBeGreaterThan(0)
    expect(latency.max).toBeGreaterThan(0)
    expect((await run("ls", "t")).out).toBe("")
    expect((await run("bench", served.url, "--readers", "1", "--duration", "10ms")).out).toMatch(
      /^readers {5}1 of 1 in sync/,
    )
  })

  test("draws a histogram, and a progress line with the time left", () => {
    const histogram = new Histogram()
    for (const ms of [0.7, 1.5, 1.6, 30]) histogram.add(ms)
    expect(histogram.summary()).toEqual({ p50: 1.6, p90: 30, p99: 30, max: 30 })
    expect(histogram.lines().map((line) => line.replace(/ +█* */, " "))).toEqual([
      " < 1 ms ████████████████████                     1",
      " < 2 ms ████████████████████████████████████████ 2",
      " < 5 ms                                          0",
      " < 10 ms                                          0",
      " < 20 ms                                          0",
      " < 50 ms ████████████████████                     1",
    ])
    expect(progressText("imported", { done: 25, total: 100, entries: 500 }, 1_000)).toBe(
      "imported ██████░░░░░░░░░░░░░░░░░░ 25 %  500 entries  500/s  3.0 s left",
    )
  })
})

describe("completion", () => {
  const words = completionWords(buildProgram(VERBS))

  test("completes words, words below words, and options in bash", () => {
    const script = `${completionScript("bash", words)}
      try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _headwater; echo "\${COMPREPLY[*]}"; }
      try headwater ver; try headwater context a; try headwater follow --un; try headwater --lis`
    const out = execFileSync("bash", ["-c", script], { encoding: "utf8" })
    expect(out).toBe("verify\nadd\n--until-sync\n--listen\n")
  })

  test("names every word in zsh and fish, and refuses another shell", () => {
    for (const shell of ["zsh", "fish"]) {
      const script = completionScript(shell, words)
      expect(VERBS.filter(({ name }) => !script.includes(name))).toEqual([])
    }
    expect(() => completionScript("tcsh", words)).toThrow('no completion for "tcsh"')
  })
})
