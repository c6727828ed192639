import { describe, expect, test } from "vitest"
import { LineQueue } from "../src/line-queue.ts"

/** An output that takes a text when it is told to. */
function output() {
  const texts: string[] = []
  const takes: (() => void)[] = []
  const write = (text: string) => {
    texts.push(text)
    return new Promise<void>((resolve) => takes.push(resolve))
  }
  return { texts, takes, write }
}

describe("LineQueue", () => {
  test("writes one text at a time, with all lines that came meanwhile", async () => {
    const { texts, takes, write } = output()
    const queue = new LineQueue(write, String)
    for (const line of ["a", "b", "c"]) queue.push(line)
    expect(texts).toEqual(["a\n"])
    takes[0]!()
    await Promise.resolve().then(() => {})
    expect(texts).toEqual(["a\n", "b\nc\n"])
    takes[1]!()
    await queue.flush()
  })

  test("an output that is stuck costs a bounded number of lines, which are counted", async () => {
    const { texts, takes, write } = output()
    const queue = new LineQueue(write, (lines) => `dropped ${lines}`)
    const line = "x".repeat(1_023)
    for (let count = 0; count < 5_000; count++) queue.push(line)
    takes[0]!()
    await Promise.resolve().then(() => {})

    const written = texts
      .join("")
      .split("\n")
      .filter((text) => text === line).length
    expect(written).toBeLessThanOrEqual(1_025)
    expect(texts[1]!.endsWith(`\ndropped ${5_000 - written}\n`)).toBe(true)
    takes[1]!()
    await queue.flush()
    queue.push("after")
    expect(texts[2]).toBe("after\n")
    takes[2]!()
    await queue.flush()
  })

  test("an output that is gone loses lines, and nothing else", async () => {
    const queue = new LineQueue(async () => {
      throw new Error("EPIPE")
    }, String)
    queue.push("a")
    await queue.flush()
    queue.push("b")
    await queue.flush()
  })
})
