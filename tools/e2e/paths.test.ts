import { request } from "node:http"
import { freePort } from "@headwater/testing/etcd"
import { describe, expect, test } from "vitest"
import { HubProcess, type RuntimeName } from "./hub-process.ts"

/** Sends a path as it is: `fetch` would resolve its dots. */
function put(url: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" }
    const { hostname, port } = new URL(url)
    const options = { hostname, port, path, method: "PUT", headers }
    const sent = request(options, (response) => {
      response.resume().once("end", () => resolve(response.statusCode!))
    })
    sent.once("error", reject).end("1")
  })
}

// Bun resolves the dots of a path before its handler sees it, and does not tell: PROTOCOL.md.
describe.each(["node", "node24", "deno"] as const)("paths on %s", (runtime: RuntimeName) => {
  test("a key with dot segments is refused, and no other key is written", async () => {
    const hub = await HubProcess.start(runtime, await freePort(), ["--topic", "t=memory:"])
    try {
      const at = "/v1/topics/t/entries"
      const paths = ["a/../b", "a/./b", "a/%2e%2e/b", "..", "%2E", "a//b", "/a", "a/"]
      const statuses = await Promise.all(paths.map((path) => put(hub.url, `${at}/${path}`)))

      expect(statuses).toEqual(paths.map(() => 400))
      expect(await (await fetch(`${hub.url}${at}`)).json()).toMatchObject({ entries: [] })
      expect(await put(hub.url, `${at}/a/b..c/.d`)).toBe(200)
    } finally {
      await hub.stop("SIGKILL")
    }
  })
})
