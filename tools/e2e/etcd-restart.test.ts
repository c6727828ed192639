import { type Etcd, etcdAvailable, freePort, startEtcd } from "@headwater/testing/etcd"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { HubProcess } from "./hub-process.ts"

// A deploy: the hub is killed and started again, and its etcd still has what happened meanwhile.

const PATIENCE_MS = 120_000

describe.skipIf(!etcdAvailable())("a hub of an etcd, killed and started again", () => {
  let etcd: Etcd
  let hub: HubProcess | undefined

  beforeAll(async () => {
    etcd = await startEtcd()
  })
  afterAll(async () => {
    await hub?.stop("SIGKILL")
    await etcd.dispose()
  })

  const start = async () => {
    const topic = `t=etcd://${etcd.host}/deploy/?values=text&marker=1`
    return HubProcess.start("node", await freePort(), ["--topic", topic])
  }
  /** Follows until a key is told, and the id after it. */
  const followTo = async (url: string, key: string, lastId?: string) => {
    const headers: Record<string, string> = lastId === undefined ? {} : { "last-event-id": lastId }
    const abort = AbortSignal.timeout(PATIENCE_MS)
    const { body } = await fetch(`${url}/v1/topics/t/stream`, { headers, signal: abort })
    let heard = ""
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      heard += text
      const at = heard.indexOf(`"key":"${key}"`)
      const id = /^id: ?(\S+)$/m.exec(heard.slice(Math.max(at, 0)))?.[1]
      if (at >= 0 && id !== undefined) return { id, heard }
    }
    throw new Error(`the stream ended:\n${heard}`)
  }
  const eventsOf = (heard: string) =>
    [...heard.matchAll(/^event: ?(\w+)$/gm)].map(([, name]) => name)

  test("a reader reconnects with its id and gets what it missed, without a reset", async () => {
    await etcd.put("/deploy/a", "1")
    hub = await start()
    await etcd.put("/deploy/b", "1")
    const before = await followTo(hub.url, "b")
    await hub.stop("SIGKILL")
    await etcd.put("/deploy/came", "1")
    await etcd.call("/v3/kv/deleterange", { key: btoa("/deploy/came") })
    await etcd.put("/deploy/c", "1")
    hub = await start()
    const after = await followTo(hub.url, "c", before.id)

    expect(after.heard).toMatch(/"resumed":true/)
    expect(eventsOf(after.heard)).not.toContain("reset")
    expect(eventsOf(after.heard)).not.toContain("snapshot")
    expect(after.id.split(".")[0]).toBe(before.id.split(".")[0])
    expect(Number(after.id.split(".")[1])).toBeGreaterThan(Number(before.id.split(".")[1]))
  })
})
