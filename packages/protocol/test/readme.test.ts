import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import * as protocol from "../src/index.ts"

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8")

test("the README's example runs as it stands, and prints what its comment promises", () => {
  const [, example = ""] = /```ts\n(.*?)```/s.exec(readme) ?? []
  const script = example.replace(/^import (\{.*\}) from .*$/m, "const $1 = protocol")
  const printed: string[] = []
  const console = { log: (...parts: unknown[]) => printed.push(parts.join(" ")) }
  new Function("protocol", "console", script)(protocol, console)

  expect(printed).toEqual([/^\/\/ prints (.*)$/m.exec(example)?.[1]])
})
