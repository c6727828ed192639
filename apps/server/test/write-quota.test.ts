import type { Change } from "@headwater/core"
import { afterEach, describe, expect, test } from "vitest"
import { QuotaError } from "../src/errors.ts"
import type { HubLimits } from "../src/limits.ts"
import { LocalHub } from "./support/local-hub.ts"

describe("the room of a topic", () => {
  let local: LocalHub

  afterEach(async () => {
    await local.close()
  })

  async function open(limits: Partial<HubLimits>): Promise<void> {
    local = new LocalHub({ limits, topic: { values: "binary" } })
    await local.settle()
  }

  const put = (key: string, bytes = 1): Change => ({ op: "put", key, value: new Uint8Array(bytes) })

  /** Writes as a route does: after the check, and with a note of it. */
  async function write(identity: string | undefined, ...changes: Change[]): Promise<void> {
    const { quota } = local.topic
    quota.check(changes, identity)
    const { signal } = new AbortController()
    const outcome = await local.source.write({ conditions: [], changes }, signal)
    quota.note(changes, identity, outcome.written ? outcome.revision : 0)
    await local.settle()
  }

  test("bounds entries: overwriting and deleting go on", async () => {
    await open({ topicEntriesMax: 2 })
    await write(undefined, put("a"), put("b"))
    await expect(write(undefined, put("c"))).rejects.toThrow(QuotaError)
    await write(undefined, put("a"), put("b"))
    await expect(write(undefined, put("a"), put("c"))).rejects.toThrow(/at most 2 entries/)
    await write(undefined, { op: "delete", key: "a" })
    await write(undefined, put("c"))
  })

  test("bounds bytes of keys and values: a smaller value passes", async () => {
    await open({ topicBytesMax: 100 })
    await write(undefined, put("a", 90))
    await expect(write(undefined, put("b", 20))).rejects.toThrow(/at most 100 bytes/)
    await expect(write(undefined, put("a", 100))).rejects.toThrow(QuotaError)
    await write(undefined, put("a", 50))
    await write(undefined, put("b", 20))
  })

  test("bounds what one identity writes, and no other", async () => {
    await open({ identityEntriesMax: 2, identityBytesMax: 100 })
    await write("ann", put("a"), put("b"))
    await expect(write("ann", put("c"))).rejects.toThrow(/one identity may write at most 2 entries/)
    await write("ann", put("a", 60))
    await expect(write("ann", put("b", 60))).rejects.toThrow(/at most 100 bytes/)
    await write("bob", put("c"), put("d"))
    await write(undefined, put("e"), put("f"), put("g"))
  })

  test("gives an identity its room back when its entries are deleted by anybody", async () => {
    await open({ identityEntriesMax: 2 })
    await write("ann", put("a"), put("b"))
    await write("ann", { op: "delete", key: "a" })
    await write("ann", put("c"))
    await write("bob", { op: "delete", key: "b" }, { op: "delete", key: "c" })
    await write("ann", put("d"), put("e"))
    await expect(write("ann", put("f"))).rejects.toThrow(QuotaError)
  })
})

describe("a write over HTTP", () => {
  test("is refused by 507 when its topic is full, and nothing is written", async () => {
    const local = new LocalHub({ limits: { topicEntriesMax: 1 } })
    await local.settle()
    const statuses: number[] = []
    for (const key of ["a", "b", "a"]) {
      const headers = { "content-type": "application/json" }
      const path = `/v1/topics/t/entry?key=${key}`
      const answer = await local.ask(path, { method: "PUT", headers, body: "1" })
      statuses.push(answer.status)
      await local.settle()
    }
    expect(statuses).toEqual([200, 507, 200])
    await local.close()
  })
})
