import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { PoisonedError } from "@headwater/core"
import { debugBuild } from "@headwater/core/debug"
import { createEngine, type Leak } from "@headwater/core/engine"
import { describe, expect, test } from "vitest"
import { engineOf } from "./builds.ts"

const isNode = !("Bun" in globalThis || "Deno" in globalThis)

describe("handles", () => {
  // Only V8 under Node lets a test collect garbage without a flag at the start.
  test.skipIf(!isNode)("a dropped handle is reported with its name and birthplace", async () => {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const leaks: Leak[] = []
    const engine = createEngine({ onLeak: (leak) => leaks.push(leak) })
    const dropped = () => {
      engine.trie().commit({ reach: 1, complete: true })
      engine.trie().commit({ reach: 2, complete: true }).dispose()
    }
    dropped()
    for (let round = 0; leaks.length === 0 && round < 100; round++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 5))
    }

    expect(leaks.map(({ handle }) => handle)).toEqual(["snapshot of version 1"])
    expect(leaks[0]?.born).toMatch(/dropped.*handles\.test\.ts/s)
  })

  test("after a trap every call throws a PoisonedError with its cause", () => {
    const engine = engineOf("debug")
    const buffer = engine.buffer()
    const other = engine.buffer()
    const cursor = other.follow()
    buffer.splice(cursor)
    const trap = () => {
      other.append({ version: 0, revision: 1 })
      buffer.append({ version: 0, revision: 2 })
    }

    expect(trap).toThrow(PoisonedError)
    expect(() => engine.trie().get("k")).toThrow("the engine hit a trap")
    expect(() => engine.trie().put("k", new Uint8Array(1), 1)).toThrow(PoisonedError)
    let cause: unknown
    try {
      engine.trie().commit({ reach: 1, complete: true })
    } catch (error) {
      cause = (error as Error).cause
    }
    expect(String(cause)).toContain("buffer/buffer.ts")
  })

  test("an engine of 64 pages and one of 4 GiB can be made", () => {
    const small = createEngine({ bytesMax: 2 ** 22, build: debugBuild })
    expect(small.stats().bytesMax).toBe(64 * 65_536)
    expect(createEngine({ bytesMax: 2 ** 32 }).stats().bytesMax).toBe(65_535 * 65_536)
  })
})
